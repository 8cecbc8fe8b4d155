"""A population from end to end: both engines alike, its path trained again, what is stored and refused."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import optuna
import pytest

import keras_lr
from engine_models import build, images
from keras_lr import LogUniform, Uniform, tune
from keras_lr.engines import TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.rules import Plateau
from keras_lr.schedules import Schedule, parse
from keras_lr.tuner import owner
from keras_lr.tuner.ledger import Ledger
from keras_lr.tuner.population.lineage import Copy
from keras_lr.tuner.population.search import LINEAGE, PopulationSearch
from keras_lr.tuner.samplers import as_sampler
from keras_lr.tuner.sampling import Sampling
from keras_lr.tuner.space import Space
from keras_lr.watch.report.page import page
from keras_lr.watch.report.sections import section
from keras_lr.watch.terminal import trials_table

X, Y = images(64)
JAX = keras.backend.backend() == "jax"
SPACE = {"learning_rate": LogUniform(0.1, 30.0)}
# Beside another backend the compiled engine shuffles otherwise than that backend's own fit.
ENGINE = "auto" if JAX else "fit"


def small(**changes):
    arguments = {"space": SPACE, "epochs": 5, "population": 5, "batch_size": 16, "verbose": 0}
    arguments |= {"validation_split": 0.25, "method": "pbt", "seed": 2, "engine": ENGINE, **changes}
    model = arguments.pop("build_model", lambda: build(momentum=0.5))
    return tune(model, X, Y, **arguments)


@pytest.fixture(scope="module")
def population():
    return small()


def member(population, number):
    return next(trial for trial in population.trials if trial.number == number)


def test_a_path_trains_from_scratch_to_the_very_value_of_its_member(population):
    assert len(population.trials) == 5
    number = population.copies[-1].member
    legs = population.lineage(number)
    assert len(legs) > 1
    path = population.path(number)
    assert isinstance(path, Schedule)
    assert parse(str(path)) == path
    copy = member(population, number)
    history = population.replay(number).history.history
    assert history["val_loss"][-1] == pytest.approx(copy.value, rel=1e-5)
    assert history["learning_rate"][-1] == pytest.approx(copy.history["learning_rate"][-1])
    for leg, following in itertools.pairwise(legs):
        mine = member(population, leg.member).history["loss"]
        span = slice(leg.start, following.start)
        assert mine[span] == pytest.approx(history["loss"][span], rel=1e-5)
    other = population.replay(number, seed=5).history.history["val_loss"][-1]
    assert other != pytest.approx(copy.value, rel=1e-3)


def test_the_best_model_is_the_best_member(population, capsys):
    best = population.best
    assert best.value == min(trial.value for trial in population.trials)
    assert population.schedule == population.path(best.number)
    model = population.best_model()
    val_loss, _ = model.evaluate(X[48:], Y[48:], batch_size=16, verbose=0)
    assert val_loss == pytest.approx(best.value, rel=1e-5)
    assert keras_lr.get_learning_rate(model) == pytest.approx(best.history["learning_rate"][-1])
    assert "again" not in capsys.readouterr().out


def test_the_code_of_a_population_trains_its_path(population):
    code = population.code()
    assert f"schedule={str(population.schedule)!r}" in code
    names = {"build_model": lambda: build(momentum=0.5), "x": X, "y": Y}
    exec(code, names)
    values = names["model"].history.history["val_loss"]
    assert values[-1] == pytest.approx(population.best.value, rel=1e-5)


@pytest.mark.skipif(not JAX, reason="the compiled engine is JAX's")
def test_both_engines_copy_and_train_alike(population):
    by_fit = small(engine="fit")
    assert (population.engine, by_fit.engine) == ("compiled", "fit")
    assert population.copies == by_fit.copies
    for one, two in zip(population.trials, by_fit.trials, strict=True):
        assert one.params == two.params
        for name, values in one.history.items():
            np.testing.assert_allclose(values, two.history[name], rtol=1e-5, atol=1e-6)


def test_momentum_and_a_schedule_are_part_of_a_path(tmp_path, capsys):
    space = {**SPACE, "momentum": Uniform(0.3, 0.9), "schedule": "constant() | cooldown(40%)"}
    given = {"space": space, "storage": tmp_path / "study.db", "build_model": build, "epochs": 4, "seed": 5}  # fmt: skip
    first = small(**given)
    number = first.copies[-1].member
    assert str(first.path(number)).endswith("* (constant() | cooldown(40%))")
    values = first.replay(number).history.history
    assert values["val_loss"][-1] == pytest.approx(member(first, number).value, rel=1e-4)
    changed = len(first.lineage(first.best.number)) > 1
    assert ("momentum='piecewise(" in first.code()) == changed
    assert changed or not JAX, "the test is to see a copy win"
    with pytest.raises(InvalidInput, match=r"replay\(number, seed="):
        first.confirm(top=5, seeds=1)
    # What the storage holds is the same population; it is not trained again, but for its model,
    # where that isn't beside the storage any more.
    again = small(**given, verbose=1)
    assert "is in the storage" in capsys.readouterr().err
    assert again.copies == first.copies
    assert again.schedule == first.schedule
    again._best_file = None
    for study, told in ((first, False), (again, True)):
        model = study.best_model()
        assert ("training it again" in capsys.readouterr().out) == told
        val_loss, _ = model.evaluate(X[48:], Y[48:], batch_size=16, verbose=0)
        assert val_loss == pytest.approx(first.best.value, rel=1e-4)
    if changed:
        last = first.lineage(first.best.number)[-1]
        assert model.optimizer.momentum == last.settings["momentum"]
    with pytest.raises(InvalidInput, match="made with another population"):
        small(**{**given, "population": 6})


def test_members_that_diverge_go_on_as_copies():
    space = {"learning_rate": [0.1, 0.2, 1e30]}
    found = small(space=space, method=keras_lr.PBT(share=0.1), seed=1)
    lost = [t for t in found.trials if t.params["learning_rate"] == 1e30]
    assert lost
    assert len(lost) < 5, "somebody is sound"
    assert all(np.isnan(trial.history["loss"][0]) for trial in lost)
    assert {trial.state for trial in found.trials} == {"complete"}
    assert {t.number for t in lost} <= {copy.member for copy in found.copies if copy.epoch == 1}
    found.trials = []
    with pytest.raises(InvalidInput, match="No trial was completed"):
        _ = found.schedule


def test_an_interrupted_population_shows_its_path_so_far_and_begins_anew(monkeypatch):
    storage = optuna.storages.InMemoryStorage()
    calls = []

    def interrupting(self):
        calls.append(1)
        if len(calls) == 3 * 5 + 1:  # within the fourth epoch
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("keras_lr.tuner.progress.Progress.epoch", interrupting)
        cut = small(storage=storage)
    assert cut.interrupted
    assert [trial.state for trial in cut.trials] == ["pruned"] * 5
    assert [len(trial.history["loss"]) for trial in cut.trials] == [3] * 5
    assert cut.best.history["val_loss"][-1] == min(t.history["val_loss"][-1] for t in cut.trials)
    assert isinstance(cut.schedule, Schedule)
    whole = small(storage=storage)
    assert not whole.interrupted
    assert len(whole.trials) == 5
    assert [trial.params for trial in whole.trials] == [trial.params for trial in cut.trials]


@pytest.mark.parametrize("ended", [True, False], ids=["and has ended", "and trains"])
def test_what_another_process_has_taken_over_meanwhile_is_what_counts(ended, monkeypatch, capsys):
    """This one was stopped for minutes: it writes nothing more, and gives back the other's."""
    storage = optuna.storages.InMemoryStorage()
    calls, taken = itertools.count(), []

    def take_over():
        owner._here.clear()  # as if it had been silent for too long
        space = Space(SPACE, {}, frozenset(SPACE))
        other = Ledger(optuna.load_study(study_name="keras-lr", storage=storage), space)
        other.open()
        taken.append((other, other.ask(2, space.distributions())))

    def end():
        other, (first, second) = taken.pop()
        copy = Copy(1, member=1, source=0, factor=0.8)
        assert other.note(second, LINEAGE, [copy.to_json()])
        for trial, value in ((first, 0.25), (second, 0.5)):
            other.keep(trial, TrialResult({"val_loss": [1.0, value]}), value)
            other.tell(trial)
        other.close()

    def stopped(self):
        if next(calls) == 2:  # within the second epoch
            take_over()
            if ended:
                end()

    def waiting(self):
        if taken:
            trials = self.sampling.study.trials
            assert [list(trial.intermediate_values) for trial in trials] == [[1], [1]]
            end()
        wait(self)

    wait = PopulationSearch._wait
    with monkeypatch.context() as patch:
        patch.setattr(PopulationSearch, "_wait", waiting)
        patch.setattr("keras_lr.tuner.progress.Progress.epoch", stopped)
        found = small(storage=storage, epochs=2, population=2, verbose=1)
    assert "took the population over" in capsys.readouterr().err
    assert [trial.value for trial in found.trials] == [0.25, 0.5]
    assert [(copy.member, copy.source) for copy in found.copies] == [(1, 0)]


def test_of_processes_that_begin_at_once_the_first_goes_on():
    storage, both = optuna.storages.InMemoryStorage(), threading.Barrier(2)

    def meeting(method, times):
        calls = itertools.count()

        def call(*given):
            result = method(*given)
            if next(calls) < times:
                both.wait(60)
            return result

        return call

    def claim(_):
        space = Space(SPACE, {}, frozenset(SPACE))
        search = PopulationSearch.__new__(PopulationSearch)
        search.count = 4
        search.sampling = Sampling(
            space, "minimize", {}, sampler=as_sampler("random", 0), storage=storage
        )
        # Both look before one of them asks, ask before one looks again, and see each other.
        ledger = search.sampling.ledger
        ledger.elsewhere = meeting(ledger.elsewhere, 2)
        search.sampling.ask = meeting(search.sampling.ask, 1)
        try:
            return [trial.number for trial in search._claimed()]
        except InvalidInput as error:
            return str(error)
        finally:
            search.sampling.close()

    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(claim, range(2)))
    assert [0, 1, 2, 3] in found
    assert sum("Another process trains this population" in str(each) for each in found) == 1


def test_paths_are_confirmed_with_other_seeds(population, capsys, monkeypatch):
    found = population.confirm(top=2, seeds=[5])
    number = population.confirmed.number
    assert number in [trial.number for trial in population.trials]
    (value,) = next(each for each in found.candidates if each.number == number).values
    history = population.replay(number, seed=5).history.history
    assert value == pytest.approx(history["val_loss"][-1], rel=1e-5)
    other = next(t for t in population.trials if t.number != population.best.number)
    with monkeypatch.context() as patch:
        patch.setattr(type(population), "replay", lambda self, number: number)
        assert population.best_model(other) == other.number
    assert "training its path again" in capsys.readouterr().out


def test_a_figure_shows_every_member_and_the_path(population):
    figure = population.plot()
    path = next(trace for trace in figure.data if trace.name.startswith("the path"))
    assert len(path.y) == 5
    assert path.y[-1] == population.best.history["learning_rate"][-1]
    copied = next(trace for trace in figure.data if trace.name == "copied")
    assert len(copied.x) == len(population.lineage(population.best.number)) - 1


def test_its_report_shows_where_each_member_came_from_and_went(population):
    part = section(population)
    assert any(c.figure.layout.title.text.startswith("The rates of") for c in part.charts)
    table = part.tables[-1]
    assert len(table.rows) == len(population.trials)
    rows = {int(row[0]): dict(zip(table.header, row, strict=True)) for row in table.rows}
    for trial in population.trials:
        row, legs = rows[trial.number], population.lineage(trial.number)
        root = next(t for t in population.trials if t.number == legs[0].member)
        assert float(row["rate began at"]) == pytest.approx(root.params["learning_rate"], rel=0.01)
        last = trial.history["learning_rate"][-1]
        assert float(row["ended at"]) == pytest.approx(last, rel=0.01)
        assert row["copies"] == str(len(legs) - 1)
    shown = trials_table(population)
    assert "began" in shown
    assert "ended" in shown
    assert "Every member and its path" in population._repr_html_() + page([part])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "genetic"}, 'method is "search"'),
        ({"method": "search"}, "population is for a population"),
        ({"method": "search", "population": None, "interval": 2}, "interval is for a population"),
        ({"population": 1}, "population must be a whole number, at least 2"),
        ({"interval": 5}, "of 5 epochs none is left after 5"),
        ({"interval": 0}, "interval must be"),
        ({"trials": 8}, "write population=8 in the place of trials"),
        ({"trials": 32}, "write population=32 in the place of trials"),
        ({"pruner": "median"}, "Leave the pruner out"),
        ({"horizon": 0.5}, "Leave horizon out"),
        ({"engine": "ray"}, "train in one place"),
        ({"engine": "jax"}, "Unknown engine 'jax'"),
        ({"space": {"momentum": Uniform(0.5, 0.9)}}, "needs the range that its members start in"),
        ({"space": {**SPACE, "rules": Plateau("loss")}}, "Leave 'rules' out"),
        ({"space": {**SPACE, "schedule": [None, "cosine()"]}}, "one path"),
        ({"space": {**SPACE, "nesterov": [True, False]}}, "'nesterov' can't change on the way"),
        ({"space": {**SPACE, "momentum": [0.0, 0.9]}}, "positive numbers. Received: momentum=0.0"),
        ({"space": {**SPACE, "kind": ["dense", "conv"]}, "build_model": build}, "'kind' can't"),
        ({"space": {**SPACE, "schedule": "constant() | rate(0.1)"}}, "factors of"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(change, message, monkeypatch):
    def trained(*_):
        raise AssertionError("training started")

    monkeypatch.setattr("keras_lr.tuner.population.search.PopulationSearch._train", trained)
    monkeypatch.setattr("keras_lr.tuner.search.Search._wave", trained)
    with pytest.raises(InvalidInput, match=message):
        small(**change)
