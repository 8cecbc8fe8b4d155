"""However lanes are executed, and whatever happens on the way: the curves are those of the reference."""

import keras
import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never, trials
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


@pytest.fixture(scope="module")
def reference():
    """A job, its trials, and what the reference makes of them."""
    x, y = images()
    job = Job(build, x, y, epochs=3, batch_size=18, validation_split=0.25)
    specs = trials(momentum=[0.0, 0.9])
    return job, specs, FitEngine(job).run(specs, never, never)


def compiled(job, monkeypatch, *plans):
    """The compiled engine, with these plans for candidates."""
    from keras_lr.engines.compiled import group
    from keras_lr.engines.compiled.engine import CompiledEngine

    monkeypatch.setattr(group, "default_candidates", lambda *_: list(plans))
    return CompiledEngine(job, fall_back=False)


@pytest.mark.parametrize("plan", ["1 step", "1 loop", "2 step", "4 loop", "1 unrolled"])
@pytest.mark.deep(after=2)
def test_every_plan_computes_the_same(plan, monkeypatch, reference):
    from keras_lr.engines.compiled.plan import Plan

    width, kind = plan.split()
    steps = 3 if kind == "unrolled" else 1  # of the four in an epoch, so that one is left over
    chosen = Plan(int(width), loop=kind == "loop", threads=2, steps=steps)
    job, specs, wanted = reference
    engine = compiled(job, monkeypatch, chosen)
    assert_same_curves(engine.run(specs, never, never), wanted)
    assert str(chosen) in engine.plan


def test_changing_the_plan_on_the_way_computes_the_same(monkeypatch, reference):
    from keras_lr.engines.compiled import planner, wave
    from keras_lr.engines.compiled.plan import Plan

    monkeypatch.setattr(wave, "PIECE", 0.0)

    def next_plan(self, seconds, *, remaining, compile_seconds):
        self.costs[self.current] = seconds
        left = [plan for plan in self.plans if plan not in self.costs]
        self.current, self.settled = (left or self.plans)[0], not left

    monkeypatch.setattr(planner.Planner, "measured", next_plan)
    job, specs, wanted = reference
    plans = Plan(4, loop=True), Plan(4, loop=True, threads=2), Plan(1, loop=False)
    engine = compiled(job, monkeypatch, *plans)
    assert_same_curves(engine.run(specs, never, never), wanted)
    (only,) = engine._groups.entries.values()
    assert len(only.planner.costs) == 3


class TooSmall:
    """Makes compiled functions fail as on a device whose memory is too small for them.

    Args:
        lanes: Lanes that a call has room for.
        resident: Packs whose states the device has room for between calls.
    """

    def __init__(self, monkeypatch, lanes, resident=100):
        from keras_lr.engines.compiled import runner

        self.failed = 0
        for name in ("_loop", "_steps"):
            run = getattr(runner, name)

            def limited(functions, kind, pack, *arguments, run=run):
                import jax

                out = run(functions, kind, pack, *arguments)
                if pack.plan.width > lanes or (resident == 0 and not pack.parked):
                    # The state was given away by then, as a call that fails may do it.
                    jax.tree.map(lambda array: array.delete(), pack.state)
                    self.failed += 1
                    raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
                return out

            monkeypatch.setattr(runner, name, limited)


class NoRoom:
    """Makes bringing packs to the device fail where their states together have too many lanes."""

    def __init__(self, monkeypatch, lanes):
        from keras_lr.engines.compiled.lanes import Pack

        self.failed, known, place = 0, [], Pack.place

        def limited(pack):
            import jax

            known.append(pack)
            there = {id(other): other.plan.width for other in known if other.placed}
            if not pack.placed and sum(there.values()) + pack.plan.width > lanes:
                self.failed += 1
                raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
            place(pack)

        monkeypatch.setattr(Pack, "place", limited)


@pytest.mark.parametrize(("room", "width"), [(4, 2), (1, 1)])
def test_lanes_that_cannot_even_begin_together_take_turns(room, width, monkeypatch, reference):
    from keras_lr.engines.compiled.plan import Plan

    job, specs, wanted = reference
    device = NoRoom(monkeypatch, room)
    engine = compiled(job, monkeypatch, Plan(2, loop=True))
    for _ in range(2):
        assert_same_curves(engine.run(specs, never, never), wanted)
    (only,) = engine._groups.entries.values()
    assert (only.parked, only.planner.current.width) == (True, width)
    assert device.failed == (1 if width == 2 else 2), "a second wave knows what the first found"


@pytest.mark.deep
def test_calls_get_narrower_as_lanes_end(monkeypatch):
    from keras_lr.engines.compiled import planner, runner, wave
    from keras_lr.engines.compiled.plan import Plan

    widths, run = [], runner._loop

    def watched(functions, kind, pack, *arguments):
        widths.append(pack.plan.width)
        return run(functions, kind, pack, *arguments)

    monkeypatch.setattr(runner, "_loop", watched)
    monkeypatch.setattr(wave, "PIECE", 0.0)
    engine = compiled(Job(build, *images(), epochs=3, batch_size=24), monkeypatch, Plan(8, True))
    specs = trials(momentum=[0.0, 0.9])
    # One is left, and that one rolls back.
    prune = lambda index, epoch, logs: epoch == 1 and index != 3  # noqa: E731
    wide = engine.run(specs, prune, never)
    assert set(widths) == {8}, "so little is left that nothing more is compiled"
    monkeypatch.setattr(planner, "SHRINKS", 1e9)
    narrow = engine.run(specs, prune, never)
    assert widths[-1] == 1
    assert_same_curves(narrow, wide)
    monkeypatch.setattr(planner, "SHRINKS", 0.0)
    widths.clear()
    assert_same_curves(engine.run(specs[:1], never, never)[:1], engine.run(specs, never, never)[:1])
    assert widths[0] == 1, "a small wave begins with what is compiled already"


@pytest.mark.parametrize("resident", [100, 0])
@pytest.mark.deep(after=1)
def test_out_of_memory_halves_the_lanes_and_loses_nothing(resident, monkeypatch, reference):
    from keras_lr.engines.compiled.plan import Plan

    job, specs, wanted = reference
    device = TooSmall(monkeypatch, lanes=2, resident=resident)
    engine = compiled(job, monkeypatch, Plan(8, loop=True))
    assert_same_curves(engine.run(specs, never, never), wanted)
    assert device.failed
    (only,) = engine._groups.entries.values()
    assert only.planner.current.width == 2
    assert "vmap ×2" in engine.plan
    assert only.parked, "packs that wait are on the host before calls get narrower still"


def test_trials_of_which_no_lane_fits_fail_alone(monkeypatch, reference):
    from keras_lr.engines.compiled.plan import Plan

    TooSmall(monkeypatch, lanes=0)
    job, specs, _ = reference
    ended = []
    engine = compiled(job, monkeypatch, Plan(2, loop=True))
    found = engine.run(specs, never, lambda trial, result: ended.append(trial))
    assert ["RESOURCE_EXHAUSTED" in str(result.error) for result in found] == [True] * len(specs)
    assert ended == list(range(len(specs)))


def test_lanes_that_diverge_stop_within_the_epoch(monkeypatch):
    from keras_lr.engines.compiled import runner, wave
    from keras_lr.engines.compiled.plan import Plan

    x, y = images()
    job = Job(build, x, y, epochs=2, batch_size=8, validation_split=0.25)
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.1, 1e30, 0.01, 1e30, 1e30, 0.02)]
    wanted = FitEngine(job).run(specs, never, never)
    monkeypatch.setattr(wave, "PIECE", 0.0)
    monkeypatch.setattr(wave, "LOOK", 0.0)
    calls = []
    run = runner._loop

    def counted(functions, kind, pack, *arguments):
        calls.append((kind, len(pack.lanes)))
        return run(functions, kind, pack, *arguments)

    monkeypatch.setattr(runner, "_loop", counted)
    engine = compiled(job, monkeypatch, Plan(1, loop=True))
    got = engine.run(specs, never, lambda index, result: True)
    assert_same_curves(got, wanted)
    assert [result.diverged for result in got] == [False, True, False, True, True, False]
    assert np.isnan(got[1].history["val_accuracy"]).all(), "what was not looked at is not a number"
    # Nine steps an epoch: six lanes begin, three go on.
    trained = [kind for kind, _ in calls].count("train")
    assert trained < 6 * 9 + 3 * 9
    assert [kind for kind, _ in calls].count("test") == 3 * 2


def test_a_wave_of_which_all_diverge_ends(monkeypatch):
    from keras_lr.engines.compiled import wave
    from keras_lr.engines.compiled.plan import Plan

    monkeypatch.setattr(wave, "PIECE", 0.0)
    x, y = images()
    job = Job(build, x, y, epochs=2, batch_size=8, validation_split=0.25)
    specs = [TrialSpec({"learning_rate": 1e30})] * 3
    got = compiled(job, monkeypatch, Plan(2, loop=True)).run(specs, never, never)
    assert_same_curves(got, FitEngine(job).run(specs, never, never))
    assert all(result.diverged for result in got)


def test_a_layer_that_cannot_be_vectorised_runs_one_lane_at_a_time():
    import jax

    from keras_lr.engines.compiled.engine import CompiledEngine

    @keras.saving.register_keras_serializable("test")
    class Host(keras.layers.Layer):
        def call(self, inputs):
            shape = jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)
            host = jax.pure_callback(np.sin, shape, jax.lax.stop_gradient(inputs))
            return inputs + host

    def hosted():
        model = keras.Sequential(
            [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3), Host()]
        )
        model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    x, y = images()
    job = Job(hosted, x, y, epochs=2, batch_size=20)
    specs = [TrialSpec({"learning_rate": rate}) for rate in (0.01, 0.02, 0.03, 0.1)]
    engine = CompiledEngine(job, fall_back=False)
    got = engine.run(specs, never, never)
    assert_same_curves(got, FitEngine(job).run(specs, never, never))
    assert engine.plan.split("; ")[1].startswith("1 lane"), engine.plan


@pytest.mark.skipif(
    keras.backend.backend() != "jax" or __import__("jax").default_backend() == "cpu",
    reason="there is no accelerator here",
)
def test_on_an_accelerator_all_lanes_are_one_call(reference):
    from keras_lr.engines.compiled.engine import CompiledEngine

    job, _, _ = reference
    specs = [TrialSpec({"learning_rate": rate}) for rate in np.geomspace(1e-3, 0.3, 64).tolist()]
    engine = CompiledEngine(job, fall_back=False)
    got = engine.run(specs, never, never)
    (group,) = engine._groups.entries.values()
    assert group.planner.plans[0].width == 64
    few = slice(0, 64, 16)
    assert_same_curves(got[few], FitEngine(job).run(specs[few], never, never), rtol=1e-3)
