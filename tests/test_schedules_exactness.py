"""In a compiled step a factor is a float32 of integer steps: how exact, up to step 2^31 − 1."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_lr.schedules import Horizon, parse
from keras_lr.schedules.arithmetic import COOLDOWNS, WARMUPS
from schedule_cases import EXAMPLES, array
from schedule_limits import LAST

HORIZONS = [Horizon(1000, 62.5, 32), Horizon(LAST, 2**27, 32)]
FAR = 2**24  # float32 has no 2**24 + 1

# Worst relative error, measured over the steps below on all three backends at float32, float16 and
# bfloat16:
#   constant, piecewise, linear, time_decay, step_decay            1e-7
#   inverse_sqrt, rex, log and 1-square ramps                      1.6e-7
#   cosine, polynomial (restarts too), saturation, cooldowns       3e-7
#   one_cycle, power, repeat, offset, hold, join, warmup, noise    3.5e-7
#   turned over by between, but far from 0                         8e-7
#   cosine(power=3), at 0.016                                      1.1e-6
# and of exponentials about 1.2e-7 for each e-fold by which the value has fallen:
#   tanh 8.7e-7 at 0.0036, geometric 1.7e-6 at 1e-7 and 9e-6 at 1e-30, exponential 5.2e-6 at 8e-31.
RELATIVE = 8e-7
PER_FOLD = 1.5e-7
FRACTIONS = ("k_decay", "stretch")  # of steps, which these make, and repeats of a length with one
TEXTS = [
    *(text for text in EXAMPLES.values() if not any(what in text for what in FRACTIONS)),
    "cosine(power=3.0)",
    "rex()",
    "tanh()",
    "geometric(1e-7, 1.0)",
    "geometric(1.0, 1e-7)",
    "geometric(1.0, 1e-30)",
    "power(1000.0, exponent=-0.5)",
    "power(1000.0, exponent=-10.0)",
    "inverse_sqrt(1000)",
    "saturation(1000)",
    "polynomial(power=0.3)",
    "polynomial_restarts(1000)",
    "one_cycle(0, 0, phases=3, shape=linear)",
    "exponential(0.5, every=1%)",
    "step_decay(0.9, every=1%)",
    "exponential(0.9999, every=20000)",
    "step_decay(0.999, every=200000)",
    "time_decay(1.0, per=epoch)",
    "one_cycle(0, 0) | between(0.95, high=0.85)",
    "cosine() | repeat(1%, decay=0.9)",
    "cosine() | repeat(1000)",
    "cosine() | noise(0.2, every=2.5)",
    "cosine() | offset(50%)",
    *(f"constant() | warmup(50%, shape={shape}, power=2.0)" for shape in WARMUPS),
    *(f"constant() | cooldown(50%, shape={shape})" for shape in COOLDOWNS),
]

# What is exact in the absolute only, as shares of the highest value, here 1: measured as above.
#   turned over by between (a rounding of 1 is one of 0, too)      2e-7
#   the power p, above 3                                           1.1e-7 × p (8.4e-6 at 100)
#   a tangent beyond -7 and 3                                      7.6e-7 at -20 and 20
#   fractions of steps: uneven repeats                             5.7e-7 (a tangent, the steepest)
#   k_decay                                                        2.7e-6 (a tangent), else 1e-6
TURNED, PER_POWER, TANGENT, BENT = 3e-7, 1.5e-7, 1e-6, 4e-6
INNER = ["linear()", "cosine()", "rex()", "tanh()", "one_cycle()", "geometric()"]
ABSOLUTE = [
    *((f"{inner} | between(1.0, high=0.0)", TURNED) for inner in INNER),
    *(
        (f"{inner} | between(1.0, high=0.0)", TURNED)
        for inner in ("saturation(1000)", "inverse_sqrt(1000)", "one_cycle(0, 0, phases=3)")
    ),
    ("cosine() | between(0.9, high=0.1)", TURNED),
    ("linear() | between(1.0, high=0.0001)", TURNED),
    *((f"cosine(power={power})", power * PER_POWER) for power in (4.0, 5.0, 10.0, 30.0, 100.0)),
    *((f"polynomial(power={power})", power * PER_POWER) for power in (10.0, 100.0)),
    ("polynomial_restarts(1000, power=10.0)", 10 * PER_POWER),
    *(
        (f"constant() | warmup(50%, shape={shape}, power=10.0)", 10 * PER_POWER)
        for shape in WARMUPS
    ),
    ("tanh(lower=-20, upper=20)", TANGENT),
    ("tanh(lower=-10, upper=10)", TANGENT),
    ("tanh(lower=0, upper=20)", TANGENT),
    *((text, BENT) for text in EXAMPLES.values() if any(what in text for what in FRACTIONS)),
    *((f"{inner} | k_decay({power})", BENT) for inner in INNER for power in (0.5, 2.0, 3.0)),
    *((f"{inner} | repeat(5%, stretch=1.5)", BENT) for inner in INNER),
    *((f"{inner} | repeat(100.7)", BENT) for inner in INNER),
]


@pytest.fixture(params=["float32", "float16", "bfloat16"])
def _floatx(request):
    before = keras.config.floatx()
    keras.config.set_floatx(request.param)
    yield
    keras.config.set_floatx(before)


def tensor_of(plan, steps):
    return array(plan(ops.convert_to_tensor(np.asarray(steps, "int32"), "int32")))


def telling_steps(plan):
    if plan.horizon.steps < LAST:
        return np.arange(plan.horizon.steps + 2)
    random = np.random.default_rng(0)
    around = [2**k + d for k in (10, 20, 23, 24, 25, 28, 30) for d in (-1, 0, 1)]
    last = [LAST - d for d in (0, 1, 2, 3, 10, 1000, 2**20, 2**24)]
    marks = [mark.step + d for mark in plan.marks()[:20] for d in (-2, -1, 0, 1, 2, 1000)]
    spread = [*np.geomspace(1, LAST, 150).astype(int), *random.integers(0, LAST, 150)]
    steps = np.clip([0, 1, 2, *around, *last, *marks, *spread], 0, LAST)
    return np.resize(steps, 500)  # of one size, so that each operation is compiled once


def assert_agrees(plan, relative=0.0, per_fold=0.0, absolute=0.0):
    """The tensor and the number differ by no more than the factor's share, and `absolute`."""
    steps = telling_steps(plan)
    exact = plan(steps)
    folds = np.abs(np.log(np.where(exact > 0, exact, 1.0)))
    allowed = exact * (relative + per_fold * folds) + absolute + 1e-37  # where float32 ends
    wrong = np.abs(tensor_of(plan, steps) - exact) - allowed
    assert wrong.max() <= 0, (steps[wrong.argmax()], exact[wrong.argmax()])


@pytest.mark.parametrize("horizon", HORIZONS, ids=["short", "long"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_factor_is_exact_in_float32(text, horizon):
    assert_agrees(parse(text).resolve(horizon), RELATIVE, PER_FOLD)


@pytest.mark.parametrize("horizon", HORIZONS, ids=["short", "long"])
@pytest.mark.parametrize(("text", "share"), ABSOLUTE)
def test_what_is_exact_in_the_absolute_only(text, share, horizon):
    assert_agrees(parse(text).resolve(horizon), absolute=share)


@pytest.mark.parametrize("horizon", HORIZONS, ids=["short", "long"])
def test_the_parts_of_a_product_add_up(horizon):
    plan = parse("cosine(power=3.0) * cosine(power=3.0) * geometric(end=1e-7)").resolve(horizon)
    assert_agrees(plan, 3 * RELATIVE, PER_FOLD)


@pytest.mark.parametrize(
    "text",
    [
        f"step_decay(0.5, every={FAR + 1})",
        f"time_decay(1.0, per={FAR + 1})",
        f"piecewise([{FAR + 1}], values=[1.0, 0.5])",
        f"polynomial_restarts({FAR}, end=0.5) | between(1.5, high=0.5) | clip(high=1.0)",
        f"join(constant(), constant(0.5), boundaries=[{FAR + 1}])",
        f"constant() | cooldown(2, start={FAR})",
        f"linear(length=2) | warmup({FAR})",
        f"linear(length={FAR + 1})",
        f"rex(length={FAR + 1})",
        f"one_cycle(0, 0, length={FAR + 2}, shape=linear)",
        f"piecewise([{FAR + 3}], values=[1.0, 0.5]) | offset(2)",
        f"piecewise([{FAR + 1}], values=[1.0, 0.5]) | hold({FAR + 1})",
        f"piecewise([1], values=[0.5, 1.0]) | repeat({FAR + 1})",
        f"piecewise([1], values=[0.5, 1.0]) | repeat({FAR + 1}, stretch=2)",
    ],
)
@pytest.mark.usefixtures("_floatx")
def test_steps_are_told_apart_beyond_the_integers_of_float32(text):
    schedule = parse(text)
    expected = schedule([FAR, FAR + 1])
    assert abs(expected[0] - expected[1]) > 1e-9
    np.testing.assert_allclose(tensor_of(schedule, [FAR, FAR + 1]), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [*WARMUPS, *COOLDOWNS])
@pytest.mark.parametrize("length", [1, 3, 13, 1000, FAR + 1, 2**30])
def test_ends_are_exact_in_tensors_too(shape, length):
    """A warmup ends at the first value itself, a cooldown begins at and ends at its own."""
    if shape in WARMUPS:
        plan = parse(f"constant(0.7) | warmup({length}, shape={shape}, start=0.3)")
        assert tensor_of(plan, [length]).tolist() == [np.float32(0.7)]
        assert plan(length) == 0.7
    if shape in COOLDOWNS:
        plan = parse(f"constant(0.7) | cooldown({length}, shape={shape}, start=5)")
        assert tensor_of(plan, [5, 5 + length]).tolist() == [np.float32(0.7), 0.0]
        assert plan([5, 5 + length]).tolist() == [0.7, 0.0]


@pytest.mark.parametrize("name", ["linear", "cosine", "polynomial", "rex", "geometric"])
@pytest.mark.parametrize(("start", "end"), [(0.9, 0.123), (1.0, 1e-5), (0.3, 0.3)])
def test_shapes_reach_their_ends_exactly(name, start, end):
    plan = parse(f"{name}({start}, end={end}, length={FAR + 1})")
    assert plan([0, FAR + 1, LAST]).tolist() == [start, end, end]
    assert tensor_of(plan, [0, FAR + 1, LAST]).tolist() == [
        np.float32(v) for v in (start, end, end)
    ]


def test_more_steps_of_cycles_than_32_bits_count_are_no_overflow():
    plan = parse("linear() | repeat(10)").schedule.repeat(10, times=LAST).resolve(steps=100)
    np.testing.assert_allclose(tensor_of(plan, [0, 15, LAST]), plan([0, 15, LAST]), rtol=1e-6)
