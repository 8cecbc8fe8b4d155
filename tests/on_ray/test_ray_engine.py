"""Trials on a cluster: the curves of fit, data that goes once to each node, verdicts that return."""

import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never, trials
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.errors import InvalidInput

RATES = [0.003, 0.01, 0.03, 0.1]


def specs(rates=RATES):
    return [TrialSpec({"learning_rate": rate}) for rate in rates]


def job(**changes):
    x, y = images()
    given = {"build_model": build, "x": x, "y": y, "epochs": 3, "batch_size": 24}
    return Job(**{**given, **changes})


def test_curves_and_weights_are_those_of_fit(cluster, options):
    from keras_lr.engines.ray import RayEngine

    given = job(validation_split=0.25)
    wanted = FitEngine(given).run(trials(momentum=[0.0, 0.5, 0.9]), never, lambda *_: True)
    engine = RayEngine(given, options)
    assert engine.wave == 4, "two nodes of a core each, two trials a task"
    got = engine.run(trials(momentum=[0.0, 0.5, 0.9]), never, lambda index, result: index < 3)
    assert_same_curves(got, wanted)
    assert [result.weights is not None for result in got] == [True, True, True, False, False]
    for one, two in zip(got[:3], wanted[:3], strict=True):
        for a, b in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert "3 Ray tasks; 1 program" in engine.plan


def test_data_goes_once_to_each_node_and_programs_are_kept(cluster, options):
    import ray

    from keras_lr.engines.ray import RayEngine

    x, y = images(6000)  # more than a megabyte
    engine = RayEngine(job(x=x, y=y, epochs=1, batch_size=2000), options)
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


def test_verdicts_reach_the_lanes_and_are_given_together(cluster, options):
    from keras_lr.engines.ray import RayEngine

    class Judge:
        def __init__(self):
            self.seen = []

        def together(self, epoch, logs):
            self.seen.append((epoch, sorted(logs)))
            return {trial for trial in logs if trial != 1 and epoch == 1}

    judge = Judge()
    ended = []
    results = RayEngine(job(), options).run(
        specs(), judge, lambda index, result: ended.append(index)
    )
    assert [result.pruned for result in results] == [True, False, True, True]
    assert [len(result.history["loss"]) for result in results] == [2, 3, 2, 2]
    assert sorted(judge.seen) == [(0, [0, 1]), (0, [2, 3]), (1, [0, 1]), (1, [2, 3]), (2, [1])]
    assert sorted(ended) == [0, 1, 2, 3]


def test_models_that_differ_are_built_here_and_trained_there(cluster, options):
    from keras_lr.engines.ray import RayEngine

    def built(kind="dense"):
        return build(kind)

    kinds = ["dense", "conv", "dense", "conv"]
    wave = [TrialSpec({"learning_rate": 0.05}, arguments={"kind": kind}) for kind in kinds]
    given = job(build_model=built)
    wanted = FitEngine(given).run(wave, never, never)
    engine = RayEngine(given, options)
    assert_same_curves(engine.run(wave, never, never), wanted)
    assert engine.told.tasks == 2, "a task for each structure"


def test_what_fails_here_fails_its_trial_and_what_is_refused_there_is_an_error(cluster, options):
    from keras_lr.engines.ray import RayEngine

    def fussy(limit=1):
        if limit == 0:
            raise ValueError("no such model")
        return build()

    wave = [*specs([0.01, 0.1]), TrialSpec({"learning_rate": 0.1}, arguments={"limit": 0})]
    ended = []
    results = RayEngine(job(build_model=fussy), options).run(
        wave, never, lambda index, result: ended.append(index)
    )
    assert [result.finished for result in results] == [True, True, False]
    assert isinstance(results[2].error, ValueError)
    assert sorted(ended) == [0, 1, 2]
    refused = TrialSpec({"learning_rate": 0.1, "momentum": 1.5})
    with pytest.raises(InvalidInput, match="SGD refuses its settings"):
        RayEngine(job(), options).run([*specs(), refused], never, never)


def test_what_cannot_travel_is_refused_before_anything_is_sent(cluster, options):
    from keras_lr.engines.ray import RayEngine

    def with_lambda():
        import keras

        model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x * 2)])
        model.compile("sgd", "mse")
        return model

    with pytest.raises(InvalidInput, match=r"Other machines can't train this: .*lambda"):
        RayEngine(job(build_model=with_lambda), options).run(specs(), never, never)
    with pytest.raises(InvalidInput, match="become copies of each other"):
        RayEngine(job(), options).run(specs(), never, never, exchange=lambda epoch, logs: {})
