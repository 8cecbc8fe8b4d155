"""Values of the transforms against what they are made of."""

import math

import keras
import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    Constant,
    Cosine,
    Exponential,
    Linear,
    Piecewise,
    StepDecay,
    join,
    stretch,
    warmup_stable_decay,
)


def test_warmup_rises_to_the_first_value_and_shifts():
    inner = Linear(start=0.8, end=0.0, length=40)
    schedule = inner.warmup(10, start=0.5)
    steps = np.arange(60)
    expected = np.where(steps < 10, 0.8 * (0.5 + 0.05 * steps), inner(steps - 10))
    np.testing.assert_allclose(schedule(steps), expected, rtol=1e-12)
    cosine = Constant().warmup(10, "cosine")
    np.testing.assert_allclose(
        cosine(range(11)), (1 - np.cos(np.pi * np.arange(11) / 10)) / 2, atol=1e-12
    )


@pytest.mark.parametrize(
    ("shape", "formula"),
    [
        ("linear", lambda p: 1 - p),
        ("cosine", lambda p: (1 + np.cos(np.pi * p)) / 2),
        ("1-sqrt", lambda p: 1 - np.sqrt(p)),
    ],
)
def test_cooldown_multiplies_the_end_of_the_run(shape, formula):
    plan = Exponential(0.5, every=50).cooldown("20%", shape, end=0.1).resolve(steps=100)
    steps = np.arange(120)
    fall = formula(np.clip((steps - 80) / 20, 0, 1))
    np.testing.assert_allclose(plan(steps), 0.5 ** (steps / 50) * (0.1 + 0.9 * fall), rtol=1e-9)


def test_warmup_stable_decay():
    plan = warmup_stable_decay("10%", "30%", end=0.01).resolve(steps=1000)
    steps = np.arange(1000)
    fall = 1 - 0.99 * (steps - 700) / 300
    expected = np.select([steps < 100, steps < 700], [steps / 100, np.ones(1000)], fall)
    np.testing.assert_allclose(plan(steps), expected, rtol=1e-12)
    assert plan.end is None  # it stays at 0.01, but nothing says that the constant is over


def test_join_runs_each_from_its_own_step_zero():
    plan = join([Linear(0.1, 1.0, length="10%"), Constant(), Cosine()], ["10%", "60%"])
    plan = plan.resolve(steps=100)
    steps = np.arange(100)
    expected = np.select(
        [steps < 10, steps < 60],
        [0.1 + 0.09 * steps, np.ones(100)],
        (1 + np.cos(np.pi * (steps - 60) / 40)) / 2,
    )
    np.testing.assert_allclose(plan(steps), expected, rtol=1e-9)
    assert plan.end == 100
    by_length = join([Linear(0, 1, length=5), Linear(1, 0.5, length=5), Cosine(0.5)])
    np.testing.assert_allclose(by_length.resolve(steps=20)([0, 5, 10, 15]), [0, 1, 0.5, 0.25])


def test_product_multiplies():
    plan = (Cosine() * StepDecay(0.5, "50%") * 0.1).resolve(steps=100)
    np.testing.assert_allclose(
        plan([0, 25, 50]), [0.1, 0.1 * (1 + math.cos(math.pi / 4)) / 2, 0.1 * 0.5 * 0.5]
    )
    assert (Cosine() * 0.1).resolve(steps=100).end == 100


def test_a_warmup_that_rounds_to_nothing_is_left_out():
    assert Cosine().warmup("1%").resolve(steps=20).schedule == Cosine(length=20)
    assert warmup_stable_decay(0, "20%") == Constant().cooldown("20%")


@pytest.mark.parametrize("low", [0.0, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("high", [0.9, 1.0, 0.123])
def test_between_maps_both_ends_exactly(low, high):
    schedule = Linear(length=10).between(low, high)
    assert schedule([0, 10]).tolist() == [high, low]
    twice = (Linear(length=10) * 2).between(low, high)
    assert twice(0) == pytest.approx(max(low + 2 * (high - low), 0))


def test_k_decay_of_cycles_that_the_run_ends():
    schedule = Linear(length=5).repeat().k_decay(1.0)
    with pytest.raises(ValueError, match="the end of"):
        schedule(0)
    plan = schedule.resolve(steps=20)
    np.testing.assert_allclose(plan(range(20)), np.tile(1 - np.arange(5) / 5, 4), atol=1e-12)


def test_shares_of_a_turn_that_rounding_makes_too_long():
    nested = join([join([Constant(), Constant(0.5)], ["30%"]), Constant(0.1)], ["30%"])
    plan = nested.resolve(steps=97)
    assert plan([0, 27, 28, 29]).tolist() == [1.0, 1.0, 0.5, 0.1]
    assert plan.resolve(plan.horizon) == plan


def test_cycles_that_fill_the_run_may_begin_between_two_steps():
    plan = Linear().repeat(times=3).resolve(steps=10)
    shares = np.arange(10) * 3 / 10 % 1
    np.testing.assert_allclose(plan(range(10)), 1 - shares, atol=1e-12)
    assert plan([10, 11, 99]).tolist() == [0, 0, 0]
    growing = Linear().repeat(times=3, stretch=2).resolve(steps=70)
    assert growing([0, 5, 10, 20, 30, 50, 70, 71]).tolist() == [1, 0.5, 1, 0.5, 1, 0.5, 0, 0]


def test_cycles_of_an_epoch_do_not_drift_from_the_epochs():
    plan = Linear().repeat("1 epoch").resolve(steps=1000, steps_per_epoch=2.5)
    first = plan([2500 * n // 1000 for n in range(0, 400, 2)])  # every other epoch, at a whole step
    assert first.tolist() == [1.0] * 200


def test_time_bent_by_whole_steps_does_not_miss_a_boundary():
    assert Piecewise([29], [1, 0.5]).hold(100).k_decay(1.0)([28, 29]).tolist() == [1.0, 0.5]
    drop = Piecewise([49], [1, 0.5]).hold(100).k_decay(2.0)  # 0.7² of 100 is 49
    assert drop([69, 70]).tolist() == [1.0, 0.5]
    steps = keras.ops.convert_to_tensor(np.array([69, 70], "int32"))
    assert keras.ops.convert_to_numpy(drop(steps)).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("settings", [{"stretch": 2, "times": 1100}, {"stretch": 1e20, "times": 9}])
def test_cycles_beyond_every_run_are_no_error(settings):
    plan = Cosine().repeat(10, **settings).resolve(steps=1000)
    assert plan.end == 2**31 - 1
    assert all(mark.step <= plan.end for mark in plan.marks())
    assert 0 <= plan(2**31 - 1) <= 1


@pytest.mark.parametrize(
    "theirs", [lambda step: 0.9**step, keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)]
)
def test_what_has_no_lengths_to_multiply_is_not_stretched_in_silence(theirs):
    with pytest.raises(InvalidInput, match="can't be stretched"):
        stretch(theirs, 2)


def test_a_product_with_cycles_may_be_cut_by_the_next_part():
    plan = join([Linear(length=30).repeat() * 0.5, Constant()], [40]).resolve(steps=100)
    assert plan([0, 15, 30, 39, 40]) == pytest.approx([0.5, 0.25, 0.5, 0.35, 1.0])
