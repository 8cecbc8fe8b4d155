"""What every schedule holds to: each registered one, at its example and at settings that tell."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_lr.errors import UnresolvedSchedule
from keras_lr.schedules import SCHEDULES, parse, stretch
from schedule_cases import (
    EXAMPLES,
    HORIZON,
    NAMES,
    SHAPES,
    TRANSFORMS,
    all_parts,
    array,
    assert_holds,
    assert_round_trips,
    compiled,
)
from schedule_limits import LAST, limits

STEPS = np.arange(0, 90)
TEXTS = [
    *EXAMPLES.values(),
    "linear(0.2, 1.0)",
    "cosine()",
    "cosine(power=0.5)",
    "geometric(1e-4, 1.0)",
    "power(0.5, exponent=-2.0)",
    "one_cycle(shape=linear)",
    "one_cycle(phases=3)",
    "one_cycle(0, 0) | between(0.95, high=0.85)",
    "time_decay(0.01)",
    "step_decay(0.7, every=2 epochs)",
    "saturation(2.5) * cosine()",
    "warmup_stable_decay()",
    "warmup_stable_decay(10%, 40%, shape=1-sqrt, start=0.1, end=0.1)",
    "linear() | warmup(2 epochs, shape=cosine)",
    "inverse_sqrt(6) | warmup(6, shape=log) | cooldown(20%, shape=1-square)",
    "cosine() | warmup(10%, shape=1-sqrt, power=2.0) | cooldown(6, shape=exponential, start=40)",
    "linear(length=5) | repeat(times=3)",
    "cosine() | repeat(times=7)",
    "linear() | repeat(2.5, decay=0.9)",
    "one_cycle() * step_decay(0.5, every=20) | cooldown(10%, shape=cosine)",
    "join(linear(0, 1, length=6), cosine(end=0.5, length=20) | warmup(2), linear(0.5, 0))",
    "stretch(2) | cosine(length=20)",
]
# What rises, at its example or at all; the others fall, or a fall of them does.
RISES = {"saturation", "one_cycle", "polynomial_restarts", "join", "warmup", "repeat", "noise"}
# What drops at once, by what it is; all else changes the less from a step to the next, the longer.
JUMPS = {"step_decay", "piecewise", "time_decay", "polynomial_restarts", "noise", "repeat"}
JUMPS |= {"join", "product", "hold"}  # their examples hold such ones


@pytest.fixture(params=TEXTS)
def plan(request):
    return parse(request.param).resolve(HORIZON)


def tensor_of(plan, steps):
    return array(plan(ops.convert_to_tensor(np.asarray(steps, "int32"), "int32")))


def test_each_registered_schedule_has_an_example():
    # Keras's own and callables need an object, and have tests of their own.
    assert NAMES - set(EXAMPLES) == {"keras", "function"}
    for name, text in EXAMPLES.items():
        assert name in {part.name for part in all_parts(parse(text))}


def test_it_holds(plan):
    assert_holds(plan)
    assert_round_trips(plan.schedule)


def test_tensors_stay_in_range(plan):
    tensor, expected = tensor_of(plan, [*STEPS, LAST]), limits(plan, 240)
    assert np.isfinite(tensor).all()
    assert tensor.min() >= expected.low * (1 - 3e-7)
    assert tensor.max() <= expected.high * (1 + 3e-7)


def test_tensors_rest_after_the_end(plan):
    if plan.end is None:
        assert np.isfinite(tensor_of(plan, [LAST])).all()
        return
    # XLA may fuse the tail differently from the rest: one rounding of float32.
    tensor = tensor_of(plan, [plan.end, plan.end + 1, 10 * plan.end, LAST])
    np.testing.assert_allclose(tensor, plan(LAST), rtol=2e-7, atol=1e-9)


def test_the_compiled_step_sees_what_numbers_see(plan):
    step = compiled(plan)
    for value in [0, 1, 5, 6, 17, 30, 59, 60, 61, 89]:
        tensor = step(ops.convert_to_tensor(value, "int32"))
        assert ops.dtype(tensor) == "float32"
        assert tuple(ops.shape(tensor)) == ()
        assert float(tensor) == pytest.approx(plan(value), rel=5e-6, abs=3e-7)


def test_vectorised_equals_scalar(plan):
    # NumPy's power of an array may differ from that of a number in the last bit.
    np.testing.assert_allclose(plan(STEPS), [plan(int(step)) for step in STEPS], rtol=1e-13)
    np.testing.assert_allclose(tensor_of(plan, STEPS), plan(STEPS), rtol=5e-6, atol=3e-7)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "uint32", "float32", "float64"])
def test_any_type_of_step_will_do(dtype):
    plan = parse("cosine(end=0.1) | warmup(20)").resolve(HORIZON)
    steps = np.array([0, 3, 20, 40, 60], dtype)
    for given_steps in (steps, ops.convert_to_tensor(steps)):
        np.testing.assert_allclose(
            array(plan(given_steps)), plan(steps.tolist()), rtol=1e-6, atol=2e-7
        )


@pytest.mark.parametrize("floatx", ["float16", "bfloat16", "float64"])
def test_the_factor_is_float32_whatever_keras_computes_in(plan, floatx):
    before = keras.config.floatx()
    keras.config.set_floatx(floatx)
    try:
        tensors = [plan(keras.Variable(s, dtype="int32", trainable=False)) for s in (5, 20, 57)]
    finally:
        keras.config.set_floatx(before)
    for tensor, value in zip(tensors, plan([5, 20, 57]), strict=True):
        assert ops.dtype(tensor) == "float32"
        assert float(tensor) == pytest.approx(value, rel=5e-6, abs=3e-7)


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - RISES))
def test_a_fall_never_rises(name):
    plan = parse(EXAMPLES[name]).resolve(steps=997)
    values = plan(range(1100))
    assert (np.diff(values) <= 2e-16).all()
    assert (np.diff(tensor_of(plan, range(1100))) <= 1e-7).all()  # a float32 rounding of a sine


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - JUMPS))
def test_nothing_jumps_by_accident(name):
    """Stretched by 64, it changes less in a step; a jump would stay as high as it is."""
    change = []
    for factor in (1, 64):
        plan = stretch(EXAMPLES[name], factor).resolve(steps=200 * factor)
        change.append(np.abs(np.diff(plan(range(400 * factor)))).max())
    # A root changes by 1/8 of it, as time that is bent; all others by 1/64.
    assert change[1] <= change[0] / 7


@pytest.mark.parametrize("text", TEXTS)
def test_unresolved_round_trips_and_refuses(text):
    schedule = parse(text)
    assert_round_trips(schedule)
    if schedule.missing() is None:
        assert np.isfinite(schedule(3))
    else:
        with pytest.raises(UnresolvedSchedule):
            schedule(3)


def test_the_tables_name_what_is_registered():
    assert RISES | JUMPS <= NAMES
    assert set(SHAPES) | set(TRANSFORMS) <= set(SCHEDULES)
