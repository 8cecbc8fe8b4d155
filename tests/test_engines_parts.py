"""The parts of the compiled engine by themselves: plans, chunks, rates."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

from engine_models import build
from keras_lr import engines
from keras_lr.schedules import as_schedule

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)


def test_dense_nets_run_together_and_convolutions_alone_first():
    from keras_lr.engines.compiled.candidates import candidates, has_convolutions

    dense = candidates(16, convolutions=False, platform="cpu", cores=2)
    assert (dense[0].width, dense[0].loop, dense[0].threads) == (8, True, 2)
    conv = candidates(16, convolutions=True, platform="cpu", cores=2)
    assert (conv[0].width, conv[0].loop) == (1, False)
    assert set(dense) < set(conv)
    assert {plan.steps for plan in conv} == {1, 4}, "several steps a call, without a loop"
    heavy = candidates(16, convolutions=False, heavy=True, platform="cpu", cores=2)
    assert (heavy[0].width, heavy[0].loop) == (1, True), "one lane in a loop of its own"
    assert set(heavy) == set(dense)
    assert candidates(3, convolutions=False, platform="cpu", cores=2)[0].width == 2
    assert candidates(1, convolutions=False, platform="cpu", cores=2)[0].width == 1
    assert has_convolutions(build("conv"))
    assert not has_convolutions(build("dense"))


def test_on_an_accelerator_lanes_go_as_wide_as_memory_allows():
    from keras_lr.engines.compiled.candidates import candidates, free_bytes

    def width(lanes, **memory):
        return candidates(lanes, convolutions=True, platform="gpu", cores=2, **memory)[0].width

    assert [width(lanes) for lanes in (1, 5, 16, 100, 512)] == [1, 8, 16, 112, 512]
    tight = {"lane_bytes": 2**20, "free_bytes": 100 * 2**20}
    assert width(512, **tight) <= 40
    assert width(1, lane_bytes=2**40, free_bytes=2**20) == 1

    class Device:
        def memory_stats(self):
            return {"bytes_limit": 100, "bytes_in_use": 30}

    class Silent:
        def memory_stats(self):
            return None

    assert (free_bytes(Device()), free_bytes(Silent())) == (70, None)


def test_another_plan_is_tried_only_where_it_can_pay():
    from keras_lr.engines.compiled.candidates import candidates
    from keras_lr.engines.compiled.planner import Planner

    plans = candidates(16, convolutions=True, platform="cpu", cores=1)[::2]
    short = Planner(plans, pieces=1)
    short.measured(300e-6, remaining=1000, compile_seconds=1.0)
    assert short.settled
    assert short.current == plans[0]
    short.reopen(200_000)
    assert not short.settled, "after many trials more of them are to be expected"
    long = Planner(plans, pieces=1)
    long.measured(300e-6, remaining=200_000, compile_seconds=1.0)
    assert not long.settled
    assert long.current == plans[1]
    long.measured(3000e-6, remaining=199_000, compile_seconds=1.0)
    assert long.settled
    assert long.current == plans[0]
    assert "300 µs a lane-step (vmap ×8" in long.describe()
    assert "would take 3000)" in long.describe()
    quick = Planner(plans[::-1], pieces=1)
    quick.measured(20e-6, remaining=10**9, compile_seconds=1.0)
    assert quick.settled, "no plan of single steps can be faster than a call"
    conv = Planner(plans, convolutions=True, pieces=1)
    conv.measured(300e-6, remaining=100_000, compile_seconds=1.0)
    assert conv.settled, "little is hoped for from convolutions in a loop"


def test_the_shortest_of_several_measurements_counts_and_threads_are_tried_for_nothing():
    from keras_lr.engines.compiled.plan import Plan
    from keras_lr.engines.compiled.planner import Planner

    both = Planner([Plan(8, loop=True, threads=2)])
    for seconds in (9e-5, 3e-5, 5e-5):
        assert both.costs == {}
        both.measured(seconds, remaining=10, compile_seconds=1.0)
    assert both.costs == {Plan(8, loop=True, threads=2): 3e-5}
    assert both.current == Plan(8, loop=True), "the same functions, from one thread"
    both.measured(8e-5, remaining=10, compile_seconds=0.0)
    assert both.settled, "a plan that takes over twice as long is measured once"
    assert both.current.threads == 2
    alike = Planner([Plan(8, loop=True, threads=2)], pieces=1)
    alike.measured(3.0e-5, remaining=10, compile_seconds=1.0)
    alike.measured(2.9e-5, remaining=10, compile_seconds=0.0)
    assert alike.current.threads == 2, "a difference within chance decides nothing"
    assert alike.describe().startswith(f"{alike.current}: 30 µs"), "what is in use is told first"


def test_fewer_lanes_a_call_are_compiled_for_where_enough_steps_remain():
    from keras_lr.engines.compiled.plan import Plan
    from keras_lr.engines.compiled.planner import SHRINKS, Planner

    planner = Planner([Plan(16, loop=True)], pieces=1)
    assert not planner.pays(16, 8, steps=10**9), "nothing is known yet"
    planner.measured(1e-3, remaining=0, compile_seconds=2.0)
    enough = 2.0 / (16e-3 * 0.75 * SHRINKS)
    assert [planner.pays(16, 4, steps=int(enough * s)) for s in (0.9, 1.1)] == [False, True]
    assert not planner.pays(4, 2, steps=int(1.1 * enough)), "a narrow call has less to save"


def test_half_as_many_lanes_are_left_when_memory_is_too_small():
    from keras_lr.engines.compiled.plan import Plan
    from keras_lr.engines.compiled.planner import Planner

    planner = Planner([Plan(48, loop=True), Plan(1, loop=False)])
    planner.costs[Plan(48, loop=True)] = 1.0
    widths = []
    while planner.halve():
        widths.append(planner.current.width)
        assert not planner.settled
    assert widths == [24, 12, 6, 3, 1]
    assert planner.costs == {}


def test_chunks_hold_batches_of_one_shape_and_are_padded_to_one_length():
    from keras_lr.engines.compiled.chunk import chunks

    batches = [(np.full((4, 2), i, "float32"), np.zeros(4)) for i in range(7)]
    batches.append((np.full((1, 2), 7, "float32"), np.zeros(1)))
    size = sum(array.nbytes for array in batches[0])
    found = list(chunks(batches, limit=3 * size))
    assert [len(chunk) for chunk in found] == [3, 3, 1, 1]
    assert [chunk.length for chunk in found] == [3, 3, 3, 1]
    assert found[0].key == found[2].key != found[3].key
    assert found[2].stacked[0].shape == (3, 4, 2)
    np.testing.assert_array_equal(np.asarray(found[1].stacked[0])[:, 0, 0], [3, 4, 5])


@pytest.mark.parametrize("schedule", [None, "cosine()", "warmup(20%) | cosine()", "keras"])
@pytest.mark.parametrize("accumulated", [None, 2])
@pytest.mark.deep(after=3)
def test_the_table_holds_the_rates_that_the_callback_logs(schedule, accumulated):
    from keras_lr import LearningRate
    from keras_lr.engines.compiled.rates import RateTable

    if schedule == "keras":
        schedule = keras.optimizers.schedules.CosineDecay(
            0.3, 12, warmup_steps=2, warmup_target=0.4
        )
    schedule = None if schedule is None else as_schedule(schedule)
    model = build(gradient_accumulation_steps=accumulated)
    x, y = np.zeros((32, 8, 8, 1), "float32"), np.zeros(32, "int32")
    wanted = model.fit(
        x, y, epochs=3, batch_size=8, verbose=0, callbacks=[LearningRate(schedule)]
    ).history["learning_rate"]
    table = RateTable(
        build(gradient_accumulation_steps=accumulated).optimizer,
        None,
        schedule,
        batches=4,
        epochs=3,
        reduced=False,
    )
    logged = [table.logged(4 * epoch, 1.0)["learning_rate"] for epoch in (1, 2, 3)]
    np.testing.assert_allclose(logged, wanted, rtol=1e-5)
    rates = table.rates(0, 12, 1.0)
    assert rates.shape == (12, 1)
    assert rates.dtype == np.float32
    np.testing.assert_allclose(rates[[3, 7, 11], 0], wanted, rtol=1e-5)
    np.testing.assert_allclose(table.rates(4, 8, 0.5), rates[4:8] * 0.5, rtol=1e-6)


def test_what_was_told_of_a_wave_is_not_told_again():
    from keras_lr.engines import TrialResult
    from keras_lr.engines.once import Once
    from keras_lr.engines.trial import Become

    told = []
    once = Once(
        2,
        lambda trial, epoch, logs: told.append((trial, epoch)) or (trial, epoch) == (0, 1),
        lambda trial, result: told.append(("end", trial)) or trial == 0,
        lambda epoch, logs: told.append(("exchange", epoch)) or {1: Become(0)},
    )
    for _ in range(2):  # as by lanes, and by fit after these gave up
        assert once.together(0, {0: {}}) == set(), "1 was lost in this epoch"
        assert once.exchange(0, {0: {}, 1: {}}) == {1: Become(0)}
        assert once.together(1, {0: {}, 1: {}}) == {0}
        assert once.done(0, TrialResult())
    assert told == [(0, 0), ("exchange", 0), (0, 1), (1, 1), ("end", 0)]
    assert once(1, 2, {}) is False
    assert once.left([0, 1]) == [1]


def test_keras_privates_of_the_engines_have_two_rooms():
    folder = Path(engines.__file__).parent
    told = [
        path.name
        for path in sorted(folder.rglob("*.py"))
        if re.search(
            r"from keras\.src|\._flatten_layers|\._symbolic_build", path.read_text("utf-8")
        )
    ]
    assert told == ["internals.py", "private.py"]  # what runs a model, what travels
