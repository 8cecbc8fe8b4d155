"""The structures of a study: made side by side where there is room, kept while they are needed."""

import gc
import weakref
from dataclasses import replace
from types import SimpleNamespace

import keras
import pytest

from engine_models import assert_same_curves, build, images, never
from keras_lr.engines import Job, TrialResult, TrialSpec
from keras_lr.engines.fit import FitEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)

FULL = "RESOURCE_EXHAUSTED: Out of memory"


def compiled(job):
    from keras_lr.engines.compiled.engine import CompiledEngine

    return CompiledEngine(job, fall_back=False)


class Hollow:
    """An engine whose groups compute nothing.

    A trial's batch size is its structure, and the bytes of its state.

    Args:
        kept: Groups that are kept at most.
        kept_bytes: Bytes that their states may have together.
        cores: Cores to compile on.

    Attributes:
        made: The structures in the order in which their groups were made.
        trained: Those that were trained, each with those that there were then.
        alone: Whether training takes all the room that there is.
    """

    def __init__(self, monkeypatch, *, kept=16, kept_bytes=2**30, cores=2):
        from keras_lr.engines.compiled import engine, group, groups

        self.made, self.trained, self.alone = [], [], False

        class Empty(group.Group):
            def __init__(empty, job, spec, inputs, feed=None):
                empty.job, empty.feed, empty.state_bytes = job, feed or Hollow, job.batch_size
                empty.runner, empty.planner = SimpleNamespace(compile_seconds=0.0), None
                self.made.append(job.batch_size)

            def begin(empty, lanes):
                pass

            def train(empty, trials, report, done, exchange=None):
                results = {index: TrialResult({"loss": [1.0]}) for index, *_ in trials}
                for index, result in results.items():
                    report(index, 0, {"loss": 1.0})
                    done(index, result)
                there = sorted(each.state_bytes for each in self.engine._groups.entries.values())
                self.trained.append((empty.state_bytes, there))
                if self.alone and len(there) > 1:
                    raise RuntimeError(FULL)
                return [SimpleNamespace(index=i, result=r) for i, r in results.items()]

        monkeypatch.setattr(engine, "Group", Empty)
        monkeypatch.setattr(engine, "KEPT", kept)
        monkeypatch.setattr(groups, "KEPT", kept)
        monkeypatch.setattr(groups, "KEPT_BYTES", kept_bytes)
        monkeypatch.setattr(engine, "available_cores", lambda: cores)
        monkeypatch.setattr("jax.clear_caches", lambda: None)
        self.engine = compiled(Job(build, *images(8)))

    def run(self, *structures):
        """Train a wave of one trial a structure; everything that was told of it."""
        told = []
        results = self.engine.run(
            [TrialSpec({"batch_size": size}) for size in structures],
            lambda trial, epoch, logs: told.append(("epoch", trial)),
            lambda trial, result: told.append(("end", trial)),
        )
        assert [result.error for result in results] == [None] * len(structures)
        return told


def test_a_wave_makes_only_what_is_not_kept_however_many_it_needs(monkeypatch):
    hollow = Hollow(monkeypatch, kept=6, cores=1)
    hollow.run(1, 2, 3, 4, 5, 6)
    hollow.run(7, 8, 1, 2, 3, 4)
    assert hollow.made == [*range(1, 9)], "only 5 and 6, which aren't needed, gave way"
    assert len(hollow.engine._groups.entries) == 6
    hollow.run(*range(11, 19))
    assert hollow.made[8:] == [*range(11, 19)], "nor does more than is kept make any of it twice"
    assert len(hollow.engine._groups.entries) == 6


def test_structures_are_made_ahead_and_kept_as_far_as_there_is_room(monkeypatch):
    hollow = Hollow(monkeypatch, kept_bytes=100, cores=8)
    hollow.run(40, 41, 42, 43)
    assert hollow.trained == [
        (40, [40, 41, 42]),  # these together are beyond it, so that 43 waits
        (41, [41, 42, 43]),
        (42, [42, 43]),
        (43, [42, 43]),
    ]
    assert hollow.made == [40, 41, 42, 43], "what is made ahead isn't let go before its turn"
    hollow.run(200)
    hollow.run(200)
    assert hollow.trained[4:] == [(200, [200])] * 2, "one that is in use has what room it takes"
    assert hollow.made[4:] == [200]
    hollow.run(1)
    assert hollow.trained[6:] == [(1, [1])]


def test_as_many_are_made_ahead_as_there_are_cores(monkeypatch):
    hollow = Hollow(monkeypatch, cores=2)
    hollow.run(1, 2, 3, 4, 5)
    assert [len(there) for _, there in hollow.trained] == [3, 4, 5, 5, 5]


def test_trials_that_do_not_fit_beside_other_structures_are_trained_without_them(monkeypatch):
    hollow = Hollow(monkeypatch)
    hollow.alone = True
    told = hollow.run(1, 2)
    assert hollow.trained == [(1, [1, 2]), (1, [1]), (2, [1, 2]), (2, [2])]
    assert sorted(told) == sorted((what, t) for what in ("epoch", "end") for t in (0, 1)), "once"


class Device:
    """A device that has room for some models; one more fails when it is half made.

    Args:
        models: How many it has room for.

    Attributes:
        failed: How often there was too little.
        living: The models that there are, and the halves.
    """

    def __init__(self, monkeypatch, models):
        from keras_lr.engines.compiled import group

        self.models, self.failed, self.living = models, 0, weakref.WeakSet()
        make = group.make_model

        def limited(job, spec):
            half_made = make(job, spec)
            self.living.add(half_made)
            if len(self.living) > self.models:
                self.failed += 1
                try:
                    raise MemoryError
                except MemoryError:
                    raise RuntimeError(FULL) from None  # as Keras passes on what layers raise
            return half_made

        monkeypatch.setattr(group, "make_model", limited)


@pytest.mark.deep
def test_models_that_do_not_fit_beside_the_others_are_made_without_them(monkeypatch):
    x, y = images(40)
    job = Job(build, x, y, epochs=1, batch_size=20)
    specs = [
        TrialSpec({"learning_rate": 0.1, "nesterov": nesterov, "momentum": 0.9})
        for nesterov in (False, True)
    ]
    wanted = [FitEngine(replace(job, seed=seed)).run(specs, never, never) for seed in range(3)]
    device, engine = Device(monkeypatch, models=1), compiled(job)
    assert_same_curves(engine.run(specs, never, never), wanted[0])
    assert device.failed == 2, "once ahead, once in its turn"
    device.models = 2
    engine.reseed(1)
    assert_same_curves(engine.run(specs, never, never), wanted[1])
    assert device.failed == 3, "the second structure's new model beside the first structure's"
    device.models = 1
    engine.reseed(2)
    (alone,) = engine.run(specs[1:], never, never)
    assert FULL in str(alone.error), "a model of another seed is made beside the first"
    device.models = 9
    # As a worker does it with half as many trials: no trial is trained from the seed before.
    assert_same_curves(engine.run(specs[1:], never, never), wanted[2][1:])


def test_a_model_that_fits_nowhere_leaves_nothing_on_the_device(monkeypatch):
    device = Device(monkeypatch, models=0)
    engine = compiled(Job(build, *images(8)))
    (found,) = engine.run([TrialSpec({"learning_rate": 0.1})], never, never)
    assert FULL in str(found.error)
    assert "in limited" in found.error.__notes__[0], "where it came from is told"
    (kept,) = engine._groups.entries.values()
    assert kept is found.error
    gc.collect()
    assert not device.living


def test_structures_are_compiled_side_by_side_and_once_each(monkeypatch):
    from keras_lr.engines.compiled import groups
    from keras_lr.engines.compiled.runner import Runner

    order = []
    trace, run = Runner._trace, Runner._run
    monkeypatch.setattr(
        Runner, "_trace", lambda self, *what: (order.append("trace"), trace(self, *what))[1]
    )
    monkeypatch.setattr(
        Runner, "_run", lambda self, *a, **k: (order.append("run"), run(self, *a, **k))[1]
    )
    x, y = images(40)
    job = Job(build, x, y, epochs=1, batch_size=16, validation_split=0.2)
    specs = [
        TrialSpec({"learning_rate": rate, "nesterov": nesterov, "momentum": 0.9})
        for rate, nesterov in ((0.01, False), (0.01, True), (0.1, False))
    ]
    engine = compiled(job)
    assert_same_curves(engine.run(specs, never, never), FitEngine(job).run(specs, never, never))
    assert order.index("run") == 4, "both structures are being compiled before one is trained"
    first = order.count("trace")
    engine.run(specs, never, never)
    assert order.count("trace") == first, "a second wave compiles nothing"
    one, two = engine._groups.entries.values()
    assert one.feed is two.feed, "validation data is kept once for a batch size"
    gone = [weakref.ref(part) for group in (one, two) for part in (group.program, group.model)]
    gone.append(weakref.ref(one.feed))
    del one, two
    monkeypatch.setattr(groups, "KEPT", 1)
    cleared = []
    monkeypatch.setattr("jax.clear_caches", lambda: cleared.append(True))
    engine.run([TrialSpec({"learning_rate": 0.1, "batch_size": 32})], never, never)
    assert cleared == [True], "JAX remembers them too"
    gc.collect()
    assert len(engine._groups.entries) == 1
    assert [part() for part in gone] == [None] * 5, "what isn't in use any more is let go"
    assert engine.plan.startswith("3 programs")
