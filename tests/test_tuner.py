"""Tuning end to end: same trials on both engines, resuming, Ctrl-C, what is refused."""

import keras
import numpy as np
import optuna
import pytest

import keras_lr
from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.errors import InvalidInput

X, Y = images(64)
JAX = keras.backend.backend() == "jax"
SPACE = {"learning_rate": LogUniform(1e-3, 1.0), "momentum": [0.0, 0.9]}


def small(**changes):
    arguments = {"space": SPACE, "epochs": 2, "trials": 4, "batch_size": 16, "verbose": 0}
    arguments |= {"validation_split": 0.25, **changes}
    model = arguments.pop("build_model", lambda: build())
    return tune(model, arguments.pop("x", X), arguments.pop("y", Y), **arguments)


def hidden(units):
    model = build()
    model.add(keras.layers.Dense(units))
    model.compile("sgd", model.loss)
    return model


def same_trials(one, two):
    assert [t.params for t in one.trials] == [t.params for t in two.trials]
    assert [t.state for t in one.trials] == [t.state for t in two.trials]
    for a, b in zip(one.trials, two.trials, strict=True):
        assert (a.value is None) == (b.value is None)
        assert a.value is None or a.value == pytest.approx(b.value, rel=1e-5)


def test_a_study_holds_what_was_done():
    study = small(space={**SPACE, "schedule": [None, "cosine()"]}, trials=3)
    assert study.engine == ("compiled" if JAX else "fit")
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    assert (study.objective, study.direction) == ("val_loss", "minimize")
    best = study.best
    assert best.value == min(trial.value for trial in study.trials)
    assert best.value == best.history["val_loss"][-1]
    assert set(best.params) == {"learning_rate", "momentum", "schedule"}
    assert study.seconds > 0
    assert study.plan
    model = study.best_model()
    val_loss, _ = model.evaluate(X[48:], Y[48:], batch_size=16, verbose=0)
    assert val_loss == pytest.approx(best.value, rel=1e-5)
    assert keras_lr.get_learning_rate(model) == pytest.approx(best.params["learning_rate"])
    code = study.code()
    rate = float(str(np.float32(best.params["learning_rate"])))
    assert f"keras.optimizers.SGD(learning_rate={rate}" in code
    assert "    x, y, epochs=2, batch_size=16, validation_split=0.25,\n" in code


@pytest.mark.skipif(not JAX, reason="the compiled engine is JAX's")
def test_the_same_seed_gives_the_same_trials_on_both_engines(monkeypatch):
    for engine in ("fit.FitEngine", "compiled.engine.CompiledEngine"):
        monkeypatch.setattr(f"keras_lr.engines.{engine}.wave", 3)
    pruner = lambda: optuna.pruners.MedianPruner(n_startup_trials=2)  # noqa: E731
    compiled = small(engine="compiled", trials=8, epochs=3, seed=3, pruner=pruner())
    by_fit = small(engine="fit", trials=8, epochs=3, seed=3, pruner=pruner())
    same_trials(compiled, by_fit)
    assert compiled.best.number == by_fit.best.number
    assert "pruned" in [trial.state for trial in compiled.trials], "the pruner has to have acted"


def test_random_state_and_the_model_are_left_alone():
    model = build("dropout", momentum=0.9)
    model.fit(X, Y, verbose=0)
    before = [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]
    state = np.random.get_state()[1].copy()
    study = small(build_model=model, trials=2)
    assert study.best.value is not None
    for old, variable in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(variable))
    np.testing.assert_array_equal(state, np.random.get_state()[1])
    assert study.best_model() is not model


def test_diverged_trials_are_kept_and_never_best():
    study = small(space={"learning_rate": [0.1, 1e30]}, trials=6)
    diverged = [trial for trial in study.trials if trial.state == "diverged"]
    assert diverged
    assert all(trial.value is None and trial.history for trial in diverged)
    assert study.best.params["learning_rate"] == 0.1
    with pytest.raises(InvalidInput, match="No trial was completed"):
        _ = small(space={"learning_rate": [1e30, 2e30]}, trials=1).best


def test_accuracy_is_maximised_and_an_unknown_direction_is_asked_for():
    study = small(objective="val_accuracy", trials=2)
    assert study.direction == "maximize"
    assert study.best.value == max(trial.value for trial in study.trials)

    def surprising():
        model = build()
        surprise = keras.metrics.SparseCategoricalAccuracy(name="surprise")
        model.compile("sgd", model.loss, metrics=[surprise])
        return model

    with pytest.raises(InvalidInput, match='Write direction="minimize"'):
        small(build_model=surprising, objective="val_surprise")


def test_arguments_of_build_model_are_searched_and_failures_are_kept():
    def wide(units=8):
        if units == 0:
            raise ValueError("no units")
        model = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(units), keras.layers.Dense(3)]
        )  # fmt: skip
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    study = small(build_model=wide, space={"units": [4, 0]}, trials=5)
    states = {trial.params["units"]: trial.state for trial in study.trials}
    assert states == {4: "complete", 0: "failed"}
    failed = next(trial for trial in study.trials if trial.state == "failed")
    assert failed.error == "ValueError: no units"
    assert study.best_model().layers[1].units == 4
    with pytest.raises(ValueError, match="no units"):
        small(build_model=wide, space={"units": [0], "momentum": [0.0, 0.5]}, trials=1)


def test_a_study_in_a_storage_goes_on_where_it_stopped(tmp_path, capsys):
    storage = tmp_path / "study.db"
    whole = small(trials=5)
    first = small(trials=2, storage=storage)
    assert len(first.trials) == 2
    second = small(trials=5, storage=storage)
    assert [t.params for t in second.trials[:2]] == [t.params for t in first.trials]
    assert len(second.trials) == len(whole.trials)
    again = small(trials=5, storage=storage, verbose=1)
    same_trials(again, second)
    assert "resuming: 5 of 5" in capsys.readouterr().err
    model = again.best_model()
    assert capsys.readouterr().out == "", "its weights are kept beside the storage"
    loss, _ = model.evaluate(X[48:], Y[48:], batch_size=16, verbose=0)
    assert loss == pytest.approx(again.best.value, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"space": {"learning_rate": LogUniform(1e-3, 2.0)}}, "another space"),
        ({"epochs": 3}, "another number of epochs"),
        ({"objective": "loss"}, "another objective"),
        ({"objective": "val_accuracy"}, "this one is to maximize"),
    ],
)
def test_another_study_in_the_storage_is_refused(tmp_path, change, what):
    storage = optuna.storages.InMemoryStorage()
    small(trials=1, storage=storage)
    with pytest.raises(InvalidInput, match=what):
        small(trials=2, storage=storage, **change)
    with pytest.raises(InvalidInput, match="folder of the storage doesn't exist"):
        small(storage=tmp_path / "nowhere" / "study.db")
    (tmp_path / "notes.txt").write_text(
        "no database, just some notes of no particular length " * 20
    )
    with pytest.raises(InvalidInput, match="can't be opened"):
        small(storage=tmp_path / "notes.txt")


@pytest.mark.parametrize("engine", ["compiled", "fit"] if JAX else ["fit"])
def test_ctrl_c_keeps_what_was_done_and_resuming_runs_the_rest(engine, monkeypatch, capsys):
    kind = {"fit": "fit.FitEngine", "compiled": "compiled.engine.CompiledEngine"}[engine]
    monkeypatch.setattr(f"keras_lr.engines.{kind}.wave", 2)
    storage = optuna.storages.InMemoryStorage()
    whole = small(engine=engine, storage=optuna.storages.InMemoryStorage())
    seen = []

    def interrupting(self):
        seen.append(1)
        if len(seen) == 2 * 2 + 2:  # two trials of two epochs, then within the next
            raise KeyboardInterrupt

    monkeypatch.setattr("keras_lr.tuner.progress.Progress.epoch", interrupting)
    study = small(engine=engine, storage=storage, verbose=1)
    assert study.interrupted
    assert 2 <= len(study.trials) < 4
    assert study.best.value is not None
    assert study.best_model() is not None
    assert "are kept" in capsys.readouterr().err
    rest = small(engine=engine, storage=storage)
    assert not rest.interrupted
    wanted = sorted(trial.params["learning_rate"] for trial in whole.trials)
    assert sorted(trial.params["learning_rate"] for trial in rest.trials) == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"learning_rat": [0.1]}}, "Did you mean 'learning_rate'"),
        ({"trials": 0}, "trials must be"),
        ({"epochs": 1.5}, "epochs must be"),
        ({"engine": "jax"}, "Unknown engine 'jax'"),
        ({"x": X[:-1]}, "same length"),
        ({"validation_split": 0.0}, "needs validation data"),
        ({"objective": "val_acuracy"}, "Did you mean 'val_accuracy'"),
        ({"direction": "down"}, "Unknown direction"),
        ({"build_model": lambda: None}, "must return a compiled Keras model"),
        ({"build_model": lambda units: build()}, "needs the argument 'units'"),
        ({"build_model": 3}, "build_model is a function"),
        ({"objective": 3}, "objective is the name of a logged value"),
        ({"study_name": 3}, "study_name is a text"),
        ({"sampler": "tp"}, "Did you mean 'tpe'"),
        ({"sampler": optuna.samplers.RandomSampler}, "or an Optuna sampler"),
        ({"pruner": optuna.samplers.RandomSampler()}, "or an Optuna pruner"),
        ({"pruner": "hyperbnd"}, "Did you mean 'hyperband'"),
        ({"y": None}, "there is no y"),
        ({"y": Y + 1}, "none of the model's 3 outputs"),
        ({"y": (Y - 1).astype("float32")}, "none of the model's 3 outputs"),
        ({"y": Y + 0.5}, "none of the model's 3 outputs"),
        ({"validation_data": (X, Y + 1)}, "validation y holds labels that none"),
        ({"x": X[:, :4]}, r"doesn't take x of shape \(64, 4, 8, 1\)"),
        ({"validation_data": (X[:, :4], Y)}, "doesn't take validation x"),
        ({"y": np.zeros((64, 5, 2))}, r"loss doesn't take y of shape \(64, 5, 2\)"),
        ({"space": {"schedule": [None, "cosine()", "warmup(100) | cosine()"]}}, "of 6 updates"),
        (
            {
                "space": {"kind": "dense", "schedule": "warmup(100) | cosine()"},
                "build_model": build,
            },
            "fit a tr",
        ),
        (
            {
                "space": {"units": keras_lr.Uniform(4, 8)},
                "build_model": lambda units: hidden(units),
            },
            r"build_model fails with units=5\.5.*keras_lr\.Integers\(8, 32\)",
        ),
        ({"x": (batch for batch in [(X, Y)]), "y": None}, "read once only"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(change, message, monkeypatch):
    def trained(self, *_):
        raise AssertionError("training started")

    monkeypatch.setattr("keras_lr.tuner.search.Search._wave", trained)
    with pytest.raises(InvalidInput, match=message):
        small(**change)


def test_progress_tells_a_line_a_wave_where_there_is_no_terminal(capsys):
    small(trials=1, verbose=1)
    out, err = capsys.readouterr()
    assert out == ""
    assert "keras-lr: 1 of 1 trials · best val_loss" in err
    small(trials=1)
    assert capsys.readouterr().err == ""


def test_numpys_numbers_are_numbers():
    space = {"learning_rate": LogUniform(np.float32(1e-3), np.float32(1.0))}
    numbers = {"trials": np.int64(2), "epochs": np.int32(1), "seed": np.int64(1)}
    study = small(
        space=space, validation_split=np.float32(0.25), batch_size=np.int64(16), **numbers
    )
    assert len(study.trials) == 2


def test_labels_are_looked_at_under_any_form_of_the_loss():
    def compiled(loss):
        def build_model():
            model = build()
            model.compile("sgd", loss)
            return model

        return build_model

    ignoring = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=7)
    for loss in ("sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy,
                 ignoring):  # fmt: skip
        with pytest.raises(InvalidInput, match="none of the model's 3 outputs"):
            small(build_model=compiled(loss), y=Y + 1)
    ignored = Y.copy()
    ignored[:5] = 7
    assert small(build_model=compiled(ignoring), y=ignored, trials=1).best.value is not None
