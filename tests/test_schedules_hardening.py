"""Odd, huge and hostile input gets the right value, or an error that says what to write."""

import math
from fractions import Fraction

import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.schedules import (
    Constant,
    Cosine,
    Exponential,
    Horizon,
    Linear,
    Piecewise,
    StepDecay,
    parse,
    stretch,
    warmup_stable_decay,
)
from keras_lr.schedules.checks import number, shown, whole_number
from keras_lr.schedules.horizon import MOST_STEPS

HUGE = 10**5000  # Python refuses to write it out


# --- the step -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", [2**31, 2**63, 2**64, HUGE, np.uint64(2**63), np.uint64(2**64 - 1), 1e300], ids=shown
)
def test_a_step_beyond_the_last_counts_as_the_last(step):
    schedule = Cosine(0.9, 0.1, length=10)
    assert schedule(step) == 0.1
    assert schedule([1, step]).tolist() == [schedule(1), 0.1]
    assert schedule(np.array([step])).tolist() == [0.1]


def test_narrow_and_unsigned_arrays_are_steps():
    schedule = Linear(length=200)
    for kind in ("int8", "uint8", "int16", "uint64", "float16", "float32"):
        assert schedule(np.array([0, 100], kind)).tolist() == [1.0, 0.5]
    assert schedule(np.array([-5], "int8")).tolist() == [1.0]
    assert schedule(Fraction(1, 2)) == schedule(0.5)
    assert schedule([]).tolist() == []


@pytest.mark.parametrize(
    "step",
    [
        math.nan,
        math.inf,
        -math.inf,
        [1.0, math.nan],
        np.array([math.inf]),
        [[1], [1, 2]],
        [None],
        ["a"],
        {},
        {1},
        pytest.param(object(), id="object()"),
        1j,
        np.array([1j]),
        True,
        [True],
        None,
        "5",
        b"5",
    ],
    ids=shown,
)
@pytest.mark.parametrize(
    "schedule", [Cosine(length=10), Linear(length=5).repeat(stretch=2)], ids=str
)
def test_what_is_no_step_is_refused(schedule, step):
    with pytest.raises(InvalidInput, match=r"A step is a finite number.*Received: step="):
        schedule(step)


def test_tensors_that_are_no_steps_are_refused():
    from keras import ops

    for tensor in (
        ops.convert_to_tensor([True]),
        ops.convert_to_tensor(np.array([1j], "complex64")),
    ):
        with pytest.raises(InvalidInput, match="A step is a finite number"):
            Cosine(length=10)(tensor)


def test_tensors_of_other_integers_do_not_wrap():
    import keras
    from keras import ops

    schedule = Linear(length=200)
    for kind, steps in (("uint8", [0, 100, 255]), ("uint32", [0, 100, 2**31 + 5])):
        values = schedule(ops.convert_to_tensor(np.array(steps, kind)))
        assert ops.convert_to_numpy(values).tolist() == [1.0, 0.5, 0.0]
    if keras.backend.backend() != "jax":  # which has no int64
        values = schedule(ops.convert_to_tensor(np.array([0, 100, 2**40], "int64")))
        assert ops.convert_to_numpy(values).tolist() == [1.0, 0.5, 0.0]


def test_a_planned_rate_needs_a_step():
    with pytest.raises(InvalidInput, match="A step is a finite number"):
        Cosine(length=10).to_keras(0.1)(None)


def test_a_number_is_no_horizon():
    with pytest.raises(InvalidInput, match=r"write \.resolve\(steps=1000\)\. Received: horizon=10"):
        Cosine().resolve(10)


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "build",
    [
        lambda: Constant(1e31),
        lambda: Constant(1e-31),
        lambda: Cosine(start=1e39),
        lambda: Cosine(power=1e-50),
        lambda: Exponential(1e-300, 10),
        lambda: Cosine().rate(1e39),
        lambda: Cosine().between(0, 1e39),
        lambda: Cosine(length=5).to_keras(1e39),
        lambda: parse("time_decay(1e300)"),
        lambda: Linear(length=5).repeat(times=3, stretch=1e100),
    ],
)
def test_numbers_that_float32_cannot_hold_are_refused(build):
    with pytest.raises(InvalidInput, match=r"float32.*Write one from 1e-30 to 1e\+30"):
        build()


def test_numbers_at_the_limits_compute_alike_compiled():
    from keras import ops

    for value in (1e-30, 1e30, 0.0):
        schedule = Constant(value) * Linear(length=10)
        compiled = ops.convert_to_numpy(schedule(ops.convert_to_tensor([0, 5])))
        np.testing.assert_allclose(compiled, schedule([0, 5]), rtol=1e-6)


@pytest.mark.parametrize("value", [10**400, -(10**400), HUGE], ids=shown)
def test_integers_too_large_for_a_float_are_refused(value):
    for build in (Constant, lambda v: Cosine().rate(v), lambda v: stretch("cosine", v)):
        with pytest.raises(InvalidInput, match="Received"):
            build(value)


def test_long_input_is_cut_in_messages():
    with pytest.raises(InvalidInput) as caught:
        Constant("1" * 10_000)
    assert len(str(caught.value)) < 400
    assert shown(HUGE) == "an integer of 16610 bits"


def test_advice_names_a_length_that_the_class_has():
    with pytest.raises(InvalidInput, match=r"write every='5%'"):
        Exponential("5%", 10)
    with pytest.raises(InvalidInput) as caught:
        Constant("5%")
    assert "length" not in str(caught.value)
    with pytest.raises(InvalidInput, match=r"Linear\(start=1\.0, end=1\.0000001\)"):
        Cosine(1.0, 1.0000001)


def test_whole_numbers():
    assert whole_number(np.int64(3)) == whole_number(np.array(3)) == whole_number(np.uint8(3)) == 3
    for bad in (2.0, np.array(2.7), np.array([5, 6]), True, np.bool_(1), np.array(True), "3", None):
        assert whole_number(bad) is None
    assert number(np.float32(0.5), "Owner", "value") == 0.5


# --- lengths, periods and runs --------------------------------------------------------------------


@pytest.mark.parametrize(
    "length",
    [
        "1" * 20_000 + "x",
        "1" * 400 + "%",
        " " * 10_000 + "x",
        "1" * 400 + " epochs",
        "1e999 epochs",
        "1e300 samples",
        "1e30 epochs",
        "5.%",
        "\u0663%",
        HUGE,
        2**31,
        np.array([5, 6]),
        np.array(2.7),
    ],
    ids=shown,
)
def test_long_and_odd_lengths_are_refused(length):
    with pytest.raises(InvalidInput) as caught:
        Cosine(length=length)
    assert len(str(caught.value)) < 500
    assert "negative" not in str(caught.value)


def test_equal_lengths_are_equal():
    assert (
        Cosine(length="5.0%")
        == Cosine(length="05%")
        == Cosine(length=" 5 %")
        == Cosine(length="5%")
    )
    assert Cosine(length="2.0 epochs") == Cosine(length="2 epochs") == Cosine(length="2e0 epoch")
    assert Cosine(length="0.50 epochs") == Cosine(length=".5 epoch")
    assert Cosine(length="1.0 samples") == Cosine(length="1 sample")
    assert str(Cosine(length=np.int32(7))) == "cosine(length=7)"


@pytest.mark.parametrize("none", [0, "0%", "0.0%", "0 epochs", "0.0 epoch", "0 samples", "0 steps"])
def test_no_warmup(none):
    assert warmup_stable_decay(none) == Constant().cooldown("20%")


@pytest.mark.parametrize("every", [np.float64(2.5), np.float32(2.5), Fraction(5, 2), 2.5])
def test_periods_of_any_kind_of_number(every):
    schedule = StepDecay(0.5, every)
    assert str(schedule) == "step_decay(every=2.5)"
    assert type(schedule.every) is float


@pytest.mark.parametrize("every", [2.5, 1 / 3, 0.1 + 0.2, 12345.678901234567, 2**31 - 1.5])
def test_a_period_comes_back_from_its_text(every):
    assert parse(str(StepDecay(0.5, every))) == StepDecay(0.5, every)


@pytest.mark.parametrize(
    "share", ["33.333333333333336%", "1e-7%", "0.1 epochs", "123456789 samples"]
)
def test_a_length_comes_back_from_its_text(share):
    assert parse(str(Cosine(length=share))) == Cosine(length=share)


@pytest.mark.parametrize("every", [2.0**31, 1e300, math.inf, math.nan, 10**400, np.array([2.5])])
def test_bad_periods_are_refused(every):
    with pytest.raises(InvalidInput, match="Received"):
        StepDecay(0.5, every)


def test_a_run_has_a_counted_number_of_steps():
    assert Horizon(np.int64(10)) == Horizon(np.array(10)) == Horizon(10)
    assert type(Horizon(np.int64(10)).steps) is int
    for steps in (2**31, 10**400, HUGE):
        with pytest.raises(InvalidInput, match=f"at most {MOST_STEPS} steps"):
            Horizon(steps)
    for steps in (np.array(2.7), np.array([5, 6]), 2.0, True, "10", 0):
        with pytest.raises(InvalidInput, match="whole number of steps"):
            Horizon(steps)
    for bad in (10**400, math.nan, "x", True, 0):
        with pytest.raises(InvalidInput, match="positive batch_size"):
            Horizon(10, batch_size=bad)


def test_boundaries_of_any_kind():
    with pytest.raises(InvalidInput, match="whole number"):
        Piecewise([10, 10.5], [1, 0.5, 0.1])
    assert Piecewise([np.int64(3)], [1, 0.5]).boundaries == (3,)


def test_seeds_of_any_kind():
    assert Cosine().noise(0.1, seed=np.int64(3)) == Cosine().noise(0.1, seed=3)
    assert parse(str(Cosine().noise(0.1, seed=2**64 - 1))).seed == 2**64 - 1
    for seed in (HUGE, 2**64, -1, np.array(2.7), np.array([5, 6])):
        with pytest.raises(InvalidInput, match="whole number as seed"):
            Cosine().noise(0.1, seed=seed)
