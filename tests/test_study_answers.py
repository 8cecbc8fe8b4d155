"""What a study answers: its best model with the optimizer's state, confirmation, importance, plots."""

from dataclasses import replace

import keras
import numpy as np
import optuna
import pytest

from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.kept import optimizer_state
from keras_lr.engines.trial import TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.tuner.confirm import Candidate, Confirmation, pick_seeds, ranked
from keras_lr.tuner.confirmed import store_values, stored_values
from keras_lr.tuner.trial import ranked_trials
from keras_lr.watch.answers import study_answer
from keras_lr.watch.report.sections import section

X, Y = images(64)
JAX = keras.backend.backend() == "jax"
ENGINES = ["compiled", "fit"] if JAX else ["fit"]


def small(optimizer="sgd", **changes):
    arguments = {"space": {"learning_rate": LogUniform(1e-3, 0.3)}, "epochs": 2, "trials": 3}
    arguments |= {"validation_split": 0.25, "batch_size": 16, "verbose": 0, **changes}
    return tune(lambda: build("dropout", optimizer), X, Y, **arguments)


def state(model):
    return [keras.ops.convert_to_numpy(v) for v in optimizer_state(model.optimizer)]


@pytest.mark.parametrize(
    ("optimizer", "space", "engine"),
    [
        ("sgd", {"momentum": [0.9]}, ENGINES[0]),
        ("rmsprop", {"momentum": [0.0]}, ENGINES[0]),
        ("adam", {"beta_1": [0.8]}, "fit"),
    ],
)
@pytest.mark.deep(after=1)
def test_the_best_model_goes_on_as_the_trial_would_have(optimizer, space, engine, tmp_path, capsys):
    settings = {"space": {"learning_rate": [0.01], **space}, "engine": engine, "trials": 1}
    study = small(optimizer, **settings, storage=tmp_path / "study.log")
    assert repr(study).startswith("1 trial in ")
    assert "Use 0.01" in repr(study)
    assert "history" not in f"{study}{study.best}", "whoever prints it wants to read it"
    model = study.best_model()
    later = small(optimizer, **settings, storage=tmp_path / "study.log").best_model()
    assert capsys.readouterr().out == "", "it was kept beside the storage"
    study._kept = study._best_file = None
    again = study.best_model()  # by fit
    assert "training it again" in capsys.readouterr().out
    assert len(state(model)) == len(state(again)) >= 1
    for other in (again, later):
        for mine, its in zip(state(model), state(other), strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    assert int(model.optimizer.iterations) == 6
    saved = tmp_path / "model.keras"
    model.save(saved)
    loaded = keras.saving.load_model(saved)
    for mine, its in zip(state(model), state(loaded), strict=True):
        np.testing.assert_array_equal(mine, its)


def test_a_damaged_file_beside_the_storage_is_no_model(tmp_path, capsys):
    storage = tmp_path / "study.log"
    small(storage=storage)
    (kept,) = tmp_path.glob("*.best")
    kept.write_bytes(kept.read_bytes()[:-40])
    assert small(storage=storage).best_model() is not None
    assert "comes from the storage; training it again" in capsys.readouterr().out


@pytest.mark.parametrize("order", [1, -1])
def test_of_equal_trials_the_first_by_number_is_the_best_whichever_ends_first(
    order, monkeypatch, capsys
):
    def run(self, specs, report, done, exchange=None):
        for index, spec in list(enumerate(specs))[::order]:
            self._train(index, spec, report, done)

    with monkeypatch.context() as patched:
        patched.setattr(FitEngine, "run", run)
        shown = small(space={"learning_rate": [0.01]}, engine="fit", trials=2)
    assert shown.trials[0].value == shown.trials[1].value
    assert shown.best.number == 0
    shown.best_model()
    assert capsys.readouterr().out == "", "its weights were kept, and not the other's"


@pytest.mark.parametrize("name", ["best_model", "code"])
def test_what_is_no_trial_of_the_study_is_refused(name):
    other = replace(study().best, params={"learning_rate": 0.5})
    for given in (3, "x", other):
        with pytest.raises(InvalidInput, match=r"one of study\.trials"):
            getattr(study(), name)(given)


def test_confirmation_gives_what_fit_does_with_the_other_seeds():
    study = small(trials=4)
    best = study.best
    found = study.confirm(top=2, seeds=2)
    assert found.seeds == (1, 2)
    assert len(found.candidates) == 2
    specs = [study._space.spec(one.params) for one in found.candidates]
    for place, seed in enumerate(found.seeds):
        by_fit = FitEngine(replace(study._job, seed=seed))
        results = by_fit.run(specs, lambda *_: False, lambda *_: False)
        for one, result in zip(found.candidates, results, strict=True):
            assert one.values[place] == pytest.approx(result.history["val_loss"][-1], rel=1e-4)
    assert study.best == best
    assert study.confirmed.number == found.choice.number == found.candidates[0].number
    assert "val_loss in the study" in found.table()
    assert "over 2 other seeds" in study_answer(study)
    part = section(study)
    assert part.tables[0].title == "Confirmed with other seeds"
    assert part.code == study.code(study.confirmed)


def test_what_was_confirmed_is_kept_and_not_trained_again(tmp_path, monkeypatch):
    storage = tmp_path / "study.log"
    first = small(storage=storage)
    found = first.confirm(top=1, seeds=[7])
    later = small(storage=storage)
    assert later.confirmation == found
    assert later.confirmed == first.confirmed
    trained = []
    run = "keras_lr.engines.fit.FitEngine.run"
    fake = lambda self, specs, *_: trained.append((self.job.seed, len(specs))) or []  # noqa: E731
    monkeypatch.setattr(run, fake)
    later.engine = "fit"
    assert later.confirm(top=1, seeds=[7]) == found
    assert trained == []
    with pytest.raises(KeyError):
        later.confirm(top=2, seeds=[7, 8])
    assert trained == [(7, 1), (8, 2)]


def candidates():
    return (
        Candidate(0, {}, 0.1, (0.5, None)),
        Candidate(1, {}, 0.2, (0.4, 0.6)),
        Candidate(2, {}, 0.3, (0.9, 0.7)),
    )


def test_the_best_mean_wins_and_what_diverged_with_a_seed_comes_last():
    least = Confirmation("loss", "minimize", (1, 2), ranked(candidates(), "minimize"))
    most = Confirmation("accuracy", "maximize", (1, 2), ranked(candidates(), "maximize"))
    assert [one.number for one in least.candidates] == [1, 2, 0]
    assert [one.number for one in most.candidates] == [2, 1, 0]
    assert least.choice.mean == pytest.approx(0.5)
    assert least.choice.spread == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert "0.5 diverged" in least.table()
    diverged = Confirmation("loss", "minimize", (1, 2), candidates()[:1])
    assert diverged.choice is None
    figure = least.plot()
    assert "1 of 2 diverged" in figure.layout.annotations[-1].text, "the lowest row"


@pytest.mark.parametrize("where", ["within a seed", "between seeds", "while it is written down"])
def test_ctrl_c_keeps_what_is_done(where, monkeypatch):
    closed, notes = [], []

    class Engine(FitEngine):
        def run(self, specs, report, done):
            for index in range(len(specs)):
                if (self.job.seed, index, where) == (3, 1, "within a seed"):
                    raise KeyboardInterrupt
                done(index, TrialResult({"val_loss": [0.5]}))

        def reseed(self, seed):
            if where == "between seeds":
                raise KeyboardInterrupt
            super().reseed(seed)

        def close(self):
            closed.append(self)

    def note(*given):
        notes.append(1)
        if (len(notes), where) == (2, "while it is written down"):
            raise KeyboardInterrupt
        store_values(*given)

    shown = small(trials=2)
    monkeypatch.setattr(type(shown), "_engine_for", lambda self, job: Engine(job))
    monkeypatch.setattr("keras_lr.tuner.study.store_values", note)
    found = shown.confirm(top=2, seeds=(2, 3))
    assert found.interrupted
    whole = where == "while it is written down"
    assert found.seeds == ((2, 3) if whole else (2,))
    first, second = (trial.number for trial in ranked_trials(shown.trials, "minimize"))
    known = {(first, 2): 0.5, (second, 2): 0.5}
    known |= {(first, 3): 0.5} if where != "between seeds" else {}
    known |= {(second, 3): 0.5} if whole else {}
    assert stored_values(shown.optuna) == known
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0}, "top must be"),
        ({"seeds": 0}, "seeds must be"),
        ({"seeds": []}, "without the study's own"),
        ({"seeds": [0, 1]}, "without the study's own"),
        ({"seeds": [1, 1]}, "different ones"),
        ({"seeds": [-1]}, "seeds must be"),
    ],
)
def test_confirmations_that_can_not_be(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        study().confirm(**arguments)


def test_seeds_follow_the_studys_own():
    assert pick_seeds(2, own=2**32 - 1) == (0, 1)


_STUDY = []


def study():
    """A study of several names, made once."""
    if not _STUDY:
        space = {"learning_rate": [0.01, 0.03, 0.1, 0.3, 1e36], "momentum": [0.0, 0.9]}
        _STUDY.append(small(space=space, trials=14, seed=1))
    return _STUDY[0]


def test_importance_is_optunas():
    found = study().importance()
    assert set(found) == {"learning_rate", "momentum"}
    assert sum(found.values()) == pytest.approx(1)
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    assert study().importance(evaluator) == pytest.approx(found)
    with pytest.raises(InvalidInput, match="one of Optuna's"):
        study().importance("fanova")
    with pytest.raises(InvalidInput, match="4 complete trials; 2 were completed"):
        small(trials=2).importance()


@pytest.mark.parametrize("kind", ["history", "importance", "parallel", "slice", "timeline"])
def test_optunas_figures_by_name(kind):
    assert study().plot(kind).data
    with pytest.raises(InvalidInput, match="Did you mean 'history'"):
        study().plot("histry")


def test_curves_are_shown_whole_however_few_values_were_written():
    shown, bare = study(), optuna.create_study()
    for trial in shown.optuna.get_trials():
        trial.intermediate_values = {}
        bare.add_trial(trial)
    bare.ask().report(0.5, 1)  # runs elsewhere
    curves = {f"Trial{t.number}": t.history["val_loss"] for t in shown.trials if t.value}
    figure = replace(shown, optuna=bare).plot("intermediate")
    assert {trace.name: list(trace.y) for trace in figure.data} == {**curves, "Trial14": [0.5]}


def test_the_plot_crosses_what_diverged_and_rings_the_confirmed():
    shown = study()
    diverged = [trial for trial in shown.trials if trial.state == "diverged"]
    figure = shown.plot()
    (crossed,) = [trace for trace in figure.data if trace.marker.symbol == "x"]
    assert sorted(crossed.x) == sorted(trial.params["learning_rate"] for trial in diverged)
    assert diverged
    other = next(t for t in shown.trials if t.state == "complete" and t != shown.best)
    values = (Candidate(other.number, other.params, other.value, (0.1,)),)
    shown.confirmation = Confirmation("val_loss", "minimize", (1,), values)
    try:
        names = [trace.name for trace in shown.plot().data]
        assert any((name or "").startswith("chosen: 0.1 over other seeds") for name in names)
    finally:
        shown.confirmation = None
