"""Trials on a cluster: the curves of fit, data that goes once to each node, verdicts that return."""

import re

import keras
import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never, redrawn, trials
from keras_lr import schedules
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.job_checks import check_job
from keras_lr.errors import InvalidInput

RATES = [0.003, 0.01, 0.03, 0.1]


def specs(rates=RATES):
    return [TrialSpec({"learning_rate": rate}) for rate in rates]


def job(**changes):
    x, y = images()
    given = {"build_model": build, "x": x, "y": y, "epochs": 3, "batch_size": 24}
    return Job(**{**given, **changes})


def test_curves_and_weights_are_those_of_fit(make_engine):
    given = job(validation_split=0.25)
    wanted = FitEngine(given).run(trials(momentum=[0.0, 0.5, 0.9]), never, lambda *_: True)
    engine = make_engine(given)
    assert engine.wave == 4, "two nodes of a core each, two trials a task"
    got = engine.run(trials(momentum=[0.0, 0.5, 0.9]), never, lambda index, result: index < 3)
    assert_same_curves(got, wanted)
    assert [result.weights is not None for result in got] == [True, True, True, False, False]
    for one, two in zip(got[:3], wanted[:3], strict=True):
        for a, b in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert "3 Ray tasks; 1 program" in engine.plan


def test_data_goes_once_to_each_node_and_programs_are_kept(make_engine):
    import ray

    x, y = images(6000)  # more than a megabyte
    engine = make_engine(job(x=x, y=y, epochs=1, batch_size=2000))
    for _ in range(3):
        results = engine.run(specs(), never, lambda *_: False)
        assert all(result.finished for result in results)
    assert engine.store.puts == 3, "x by itself; what is small of the data; the model"
    large, _ = engine._data_objects
    found = ray.experimental.get_object_locations([large])[large]
    # The driver's copy, and one on each node that had trials: tasks read it where it lies.
    assert len(found["node_ids"]) == len(set(found["node_ids"])) <= 3
    assert found["object_size"] < x.nbytes * 1.01
    assert ray.get(large).flags.writeable is False
    assert engine.told.tasks == 6
    assert engine.told.kept >= 4, "each of two workers compiled once, for three waves"


def test_verdicts_reach_the_lanes_and_are_given_together(make_engine):
    class Judge:
        def __init__(self):
            self.seen = []

        def together(self, epoch, logs):
            self.seen.append((epoch, sorted(logs)))
            return {trial for trial in logs if trial != 1 and epoch == 1}

    judge = Judge()
    ended = []
    results = make_engine(job()).run(specs(), judge, lambda index, result: ended.append(index))
    assert [result.pruned for result in results] == [True, False, True, True]
    assert [len(result.history["loss"]) for result in results] == [2, 3, 2, 2]
    assert sorted(judge.seen) == [(0, [0, 1]), (0, [2, 3]), (1, [0, 1]), (1, [2, 3]), (2, [1])]
    assert sorted(ended) == [0, 1, 2, 3]


def test_models_that_differ_are_built_here_and_trained_there(make_engine):
    def built(kind="dense"):
        return build(kind)

    kinds = ["dense", "conv", "dense", "conv"]
    wave = [TrialSpec({"learning_rate": 0.05}, arguments={"kind": kind}) for kind in kinds]
    given = job(build_model=built)
    wanted = FitEngine(given).run(wave, never, never)
    engine = make_engine(given)
    assert_same_curves(engine.run(wave, never, never), wanted)
    assert engine.told.tasks == 2, "a task for each structure"


def test_another_seed_needs_no_other_data_and_no_other_programs(make_engine):
    engine = make_engine(job())
    engine.run(specs(), never, never)
    puts = engine.store.puts
    engine.reseed(5)
    got = engine.run(specs(), never, never)
    assert_same_curves(got, FitEngine(job(seed=5)).run(specs(), never, never))
    assert engine.store.puts == puts + 1, "the model's weights"
    assert engine.told.kept >= 2, "no worker made its programs twice"
    x = redrawn(*images())
    engine = make_engine(check_job(job(x=x, y=None, batch_size=None)))
    engine.reseed(5)
    wanted = FitEngine(check_job(job(x=x, y=None, batch_size=None, seed=5)))
    assert_same_curves(engine.run(specs(), never, never), wanted.run(specs(), never, never))


def test_many_structures_are_sent_as_they_come_and_not_kept(make_engine, monkeypatch):
    from keras_lr.engines.portable import Built

    monkeypatch.setattr("keras_lr.engines.ray.engine.OUT", 2)
    built, seen = [], []

    def sized(units=8):
        built.append(units)
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
        model.add(keras.layers.Dense(units))
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    engine = make_engine(job(build_model=sized, epochs=1))
    engine._models = Built(limit=0)
    wave = [TrialSpec({"learning_rate": 0.1}, arguments={"units": n}) for n in range(3, 11)]
    note = lambda trial, epoch, logs: seen.append(len(built)) or False  # noqa: E731
    results = engine.run(wave, note, never)
    assert all(result.finished for result in results)
    assert min(seen) < len(wave), "the first were at work before the last were built"
    assert len(engine.store._known) <= 3, "the data, and the model that was sent last"


def test_what_raises_there_fails_the_trial_that_is_to_blame(make_engine):
    from fatal import Broken  # registers rules that aren't for other tests

    wave = specs()
    wave[2] = TrialSpec({"learning_rate": 0.1}, rules=(Broken("loss"),))
    engine = make_engine(job(), lanes=4)
    ended = []
    results = engine.run(wave, never, lambda index, result: ended.append(index))
    assert [result.finished for result in results] == [True, True, False, True]
    assert "no such rate" in str(results[2].error)
    assert sorted(ended) == [0, 1, 2, 3]


def test_what_fails_here_fails_its_trial_and_what_is_refused_there_is_an_error(make_engine):
    def fussy(limit=8):
        if limit == 0:
            raise ValueError("no such model")
        if limit < 8:
            # Without an Input: what doesn't fit shows with the data, here or there.
            first = [keras.Input((limit, 8, 1))] if limit > 1 else [keras.layers.Conv2D(2, 11)]
            model = keras.Sequential([*first, keras.layers.Flatten(), keras.layers.Dense(3)])
            model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
            return model
        return build()

    wave = [TrialSpec({"learning_rate": 0.1}, arguments={"limit": n}) for n in (1, 8, 0, 5)]
    ended = []
    results = make_engine(job(build_model=fussy)).run(
        wave, never, lambda index, result: ended.append(index)
    )
    assert [result.finished for result in results] == [False, True, False, False]
    assert str(results[2].error) == "no such model"
    assert all(isinstance(results[trial].error, ValueError) for trial in (0, 2, 3))
    assert sorted(ended) == [0, 1, 2, 3]
    refused = TrialSpec({"learning_rate": 0.1, "momentum": 1.5})
    with pytest.raises(InvalidInput, match="SGD refuses its settings"):
        make_engine(job()).run([*specs(), refused], never, never)


def test_what_cannot_travel_is_refused_before_anything_is_sent_and_fails_alone_later(make_engine):
    def with_lambda(kind="lambda"):
        if kind == "dense":
            return build()
        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x * 2)])
        model.compile("sgd", "mse")
        return model

    refused = r"Other machines can't train this: .*lambda"
    with pytest.raises(InvalidInput, match=refused):
        make_engine(job(build_model=with_lambda)).run(specs(), never, never)
    dense, stays = (TrialSpec(arguments={"kind": kind}) for kind in ("dense", "lambda"))
    code = TrialSpec({}, schedules.as_schedule(lambda step: 0.5), arguments={"kind": "dense"})
    engine = make_engine(job(build_model=with_lambda))
    results = engine.run([dense, dense, dense, stays, code], never, never)
    assert [result.finished for result in results] == [True, True, True, False, False]
    for result in results[3:]:
        assert re.search(refused, str(result.error))
    with pytest.raises(InvalidInput, match="become copies of each other"):
        make_engine(job()).run(specs(), never, never, exchange=lambda epoch, logs: {})
