"""Racing: who goes on at a rung, in which order trials are told, and what a pruner is."""

import keras
import numpy as np
import optuna
import pytest

from engine_models import build, images
from keras_lr import LogUniform, tune
from keras_lr.errors import InvalidInput
from keras_lr.tuner.pruners import as_pruner, notes
from keras_lr.tuner.racing import Race
from keras_lr.tuner.storage import as_storage

X, Y = images(64)
JAX = keras.backend.backend() == "jax"


STORAGES = {"memory": None, "sqlite": "study.db", "journal": "study.log"}


def raced(values, pruner, *, storage=None, direction="minimize", epochs=9):
    """Race trials with constant values side by side; the epochs that each one trained."""
    study = optuna.create_study(
        pruner=pruner, storage=storage, direction=direction, study_name="race"
    )
    race = Race(study)
    trials = [study.ask() for _ in values]
    running = dict(zip(trials, values, strict=True))
    done = [0] * len(trials)
    for epoch in range(epochs):
        for trial in running:
            done[trial.number] += 1
        ended = race.after(epoch, running, last=epoch + 1 == epochs)
        running = {t: value for t, value in running.items() if t.number not in ended}
    return done


@pytest.mark.parametrize("kind", STORAGES)
def test_in_a_wave_the_best_third_goes_on_whatever_its_numbers(kind, tmp_path):
    values = np.random.default_rng(0).permutation(16.0 + np.arange(16))
    storage = STORAGES[kind] and as_storage(tmp_path / STORAGES[kind])
    done = raced(values, as_pruner("halving", 9), storage=storage)
    order = np.argsort(values)
    assert [done[i] for i in order] == [9, 9, 3, 3, 3] + [1] * 11


def test_told_one_after_another_the_first_would_be_favoured():
    """What `Race` avoids: the first of a rung has no rivals."""
    study = optuna.create_study(pruner=as_pruner("halving", 9))
    trials = [study.ask() for _ in range(16)]
    kept = []
    for trial, value in zip(trials, np.arange(16)[::-1], strict=True):
        trial.report(float(value), 1)
        kept.append(not trial.should_prune())
    assert all(kept), "each was the best when it was asked for"
    assert sum(epochs > 1 for epochs in raced(np.arange(16.0)[::-1], as_pruner("halving", 9))) == 5


def test_more_is_better_where_it_is_maximised_and_values_that_are_none_are_left_out():
    values = [3.0, 1.0, float("nan"), 9.0, 5.0, 4.0, float("-inf"), 2.0]
    done = raced(values, as_pruner("halving", 3), direction="maximize", epochs=3)
    assert done == [1, 1, 3, 3, 3, 1, 3, 1]


def test_a_later_wave_is_judged_by_the_earlier_ones_too():
    study = optuna.create_study(pruner=as_pruner("halving", 9))
    race = Race(study)
    first = [study.ask() for _ in range(8)]
    race.after(0, {trial: trial.number for trial in first}, last=False)
    worse = [study.ask() for _ in range(8)]
    assert len(race.after(0, {t: 10 + t.number for t in worse}, last=False)) == 8


def test_hyperband_has_brackets_of_other_first_rungs_and_the_same_ones_each_time():
    values = np.random.default_rng(1).permutation(27.0 + np.arange(27))
    one, two = (raced(values, as_pruner("hyperband", 9)) for _ in range(2))
    assert one == two
    assert {1, 3, 9} <= set(one)


@pytest.mark.parametrize("pruner", ["halving", "hyperband"])
def test_a_trial_that_runs_again_enters_every_rung_anew(pruner):
    """A killed process had brought the third trial to the last rung; its rivals are better."""
    study = optuna.create_study(pruner=as_pruner(pruner, 27), study_name="race")
    good, fair, again = (study.ask() for _ in range(3))
    for epoch in (0, 2, 8):
        Race(study).after(epoch, {again: 5.0}, last=False)
    reached = [key for key in study.trials[2].system_attrs if key.startswith("completed_rung")]
    race, rungs = Race(study), []
    for epoch in range(26):
        race.after(epoch, {good: 1.0, fair: 2.0}, last=False)
        if again.number in race.after(epoch, {again: 5.0}, last=False):
            rungs.append(epoch + 1)
    assert len(reached) == len(rungs) > 0, "it is judged where it was before, and ended each time"
    assert set(rungs) <= {1, 3, 9}


def test_a_trial_that_another_process_has_finished_is_dropped_and_the_others_go_on(tmp_path):
    """This process was stopped meanwhile, and taken to be dead."""
    for pruner in ("none", "halving"):
        storage = as_storage(tmp_path / "study.db")
        study = optuna.create_study(pruner=as_pruner(pruner, 9), storage=storage, study_name=pruner)
        race, (mine, lost) = Race(study), (study.ask(), study.ask())
        other = optuna.load_study(study_name=pruner, storage=storage)
        other.tell(lost.number, 1.0)
        assert race.after(0, {mine: 1.0, lost: 2.0}, last=False) == {lost.number}
        race.end(mine, [1.0, float("nan")])
        race.end(lost, [2.0])
        assert [t.intermediate_values for t in study.trials] == [{1: 1.0}, {}]


def test_without_a_pruner_little_is_written_but_the_last_value_is(tmp_path, monkeypatch):
    study = optuna.create_study(storage=as_storage(tmp_path / "study.log"))
    study.pruner = as_pruner("none", 40)
    writes = []
    write = optuna.trial.Trial.report
    monkeypatch.setattr(
        optuna.trial.Trial, "report", lambda *given: (writes.append(1), write(*given))[1]
    )
    race, trials = Race(study), [study.ask() for _ in range(4)]
    for epoch in range(40):
        race.after(epoch, dict.fromkeys(trials, 1.0), last=epoch == 39)
    for trial in trials:
        race.end(trial, [1.0] * 40)
    assert {max(trial.intermediate_values) for trial in study.trials} == {40}
    assert {min(trial.intermediate_values) for trial in study.trials} == {1}, "who looks on sees it"
    assert len(writes) < 4 * 40 / 2


def test_halving_is_asked_at_its_rungs_only_and_a_pruner_of_ones_own_each_time(monkeypatch):
    class Own(optuna.pruners.SuccessiveHalvingPruner):
        pass

    asked = []
    prune = optuna.pruners.SuccessiveHalvingPruner.prune
    monkeypatch.setattr(
        optuna.pruners.SuccessiveHalvingPruner,
        "prune",
        lambda self, study, trial: (asked.append(trial.last_step), prune(self, study, trial))[1],
    )
    for pruner in (as_pruner("halving", 9), Own(1, 3)):
        study = optuna.create_study(pruner=pruner)
        trial = study.ask()
        for epoch in range(3):
            Race(study).after(epoch, {trial: 1.0}, last=False)
    assert asked == [1, 3, 1, 2, 3]


def test_a_pruner_that_waits_is_asked_for_all_at_once_too():
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        pruner = optuna.pruners.PatientPruner(as_pruner("halving", 9), patience=0)
    study = optuna.create_study(pruner=pruner)
    race = Race(study)
    trials = {study.ask(): float(value) for value in range(9)}
    race.after(0, trials, last=False)
    assert race.after(1, {t: v + 1 for t, v in trials.items()}, last=False) == set(range(3, 9))


def test_what_is_no_pruner_is_refused_and_small_budgets_are_told():
    with pytest.raises(InvalidInput, match="Did you mean 'halving'"):
        as_pruner("halvin", 9)
    with pytest.raises(InvalidInput, match="an Optuna pruner"):
        as_pruner(optuna.pruners.MedianPruner, 9)
    told = [
        (as_pruner("none", 1), 1, 1, ""),
        (as_pruner("halving", 1), 1, 32, "one epoch"),
        (as_pruner("halving", 9), 9, 2, "too few"),
        (as_pruner("hyperband", 27), 27, 16, "4 brackets"),
        (as_pruner("hyperband", 9), 9, 32, ""),
        (optuna.pruners.SuccessiveHalvingPruner(min_resource=9), 9, 32, "isn't below the 9"),
        (as_pruner("median", 9), 9, 3, ""),
    ]
    for pruner, epochs, trials, words in told:
        found = notes(pruner, epochs=epochs, trials=trials)
        assert bool(found) == bool(words)
        assert words in "".join(found)


@pytest.mark.parametrize("engine", ["compiled", "fit"] if JAX else ["fit"])
def test_a_race_ends_trials_early_at_its_rungs(engine):
    space = {"learning_rate": LogUniform(1e-4, 1.0)}
    count, epochs = (9, 4) if engine == "compiled" else (3, 3)
    arguments = {"epochs": epochs, "trials": count, "batch_size": 32, "validation_split": 0.25}
    study = tune(build, X, Y, space=space, pruner="halving", engine=engine, verbose=0, **arguments)
    lengths = [len(trial.history["val_loss"]) for trial in study.trials]
    assert epochs in lengths
    assert {1} < set(lengths) <= {1, 3, 4}
    for trial, length in zip(study.trials, lengths, strict=True):
        assert (trial.state == "complete") == (length == epochs)
    if engine == "compiled":
        assert sorted(lengths) == [1] * 6 + [3] * 2 + [4]
        at_first = sorted(trial.history["val_loss"][0] for trial in study.trials)
        on = [
            t.history["val_loss"][0]
            for t in study.trials
            if t.state != "pruned" or len(t.history["val_loss"]) > 1
        ]
        assert sorted(on) == at_first[:3]
    steps = study.optuna.trials[study.best.number].intermediate_values
    assert sorted(steps) == [*range(1, epochs + 1)], "a step is an epoch that is done"


def test_a_worker_process_asks_for_a_wave_at_once_and_repeats_nothing():
    from keras_lr.engines.once import Once

    told = []

    class Report:
        def __call__(self, *_):
            raise AssertionError("one after another")

        def together(self, epoch, logs):
            told.append((epoch, sorted(logs)))
            return {index for index, values in logs.items() if values["loss"] > 1}

    once = Once(3, Report(), lambda *_: False)
    logs = {index: {"loss": float(index)} for index in range(3)}
    assert once.together(0, logs) == {2}
    assert once.together(0, logs) == {2}, "a worker that died has had this verdict before"
    assert once.together(1, {0: logs[0], 1: logs[1]}) == set()
    assert told == [(0, [0, 1, 2]), (1, [0, 1])]
