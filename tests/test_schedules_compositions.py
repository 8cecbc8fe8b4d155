"""Random compositions of every shape and transform hold to what their parts let expect."""

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_lr.schedules import Horizon, parse
from schedule_cases import (
    HORIZON,
    SHAPES,
    TRANSFORMS,
    array,
    assert_holds,
    assert_round_trips,
    compiled,
    compositions,
    falls,
    resolved,
    transformed,
)

QUIET = {"deadline": None, "derandomize": True, "suppress_health_check": [HealthCheck.too_slow]}
STEPS = np.arange(0, 90)
RAMPS = {"shape": st.sampled_from(["linear", "cosine", "1-sqrt", "log"])}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_transform_of_every_shape_holds(shape, transform):
    inner = parse(SHAPES[shape])
    if transform == "k_decay" and inner.resolve(HORIZON).end is None:
        pytest.skip("k_decay bends the time until an end, and this shape never ends")
    assert_holds(transformed(transform, inner).resolve(HORIZON))


@settings(max_examples=300, **QUIET)
@given(schedule=compositions, steps=st.integers(20, 200))
def test_any_composition_holds(schedule, steps):
    assert_round_trips(schedule)
    assert_holds(resolved(schedule, Horizon(steps, steps / 10, 32)))


@settings(max_examples=200, **QUIET)
@given(schedule=falls, steps=st.integers(20, 200))
def test_what_is_made_of_falls_never_rises(schedule, steps):
    plan = resolved(schedule, Horizon(steps, steps / 10, 32))
    values = plan(range(steps + 20))
    assert (np.diff(values) <= 4e-16 * values[:-1]).all()


@settings(max_examples=100, **QUIET)
@given(
    schedule=falls,
    length=st.integers(1, 30),
    start=st.floats(0, 1).map(lambda value: round(value, 6)),
    **RAMPS,
)
def test_a_warmup_rises_to_the_first_value_of_what_follows(schedule, length, start, shape):
    alone = resolved(schedule, Horizon(60, 6, 32)).schedule
    plan = alone.warmup(length, shape, start=start).resolve(steps=10_000)
    values = plan(range(length + 60))
    assert values[length] == alone(0)  # to the last bit
    assert values[0] == pytest.approx(start * alone(0), rel=1e-15)
    assert (np.diff(values[: length + 1]) >= 0).all()
    np.testing.assert_array_equal(values[length:], alone(range(60)))


@settings(max_examples=20 if keras.backend.backend() == "jax" else 8, **QUIET)
@given(schedule=compositions)
def test_compiled_equals_eager_equals_numpy(schedule):
    plan = resolved(schedule, HORIZON)
    steps = ops.convert_to_tensor(STEPS.astype("int32"))
    expected = plan(STEPS)
    for tensor in (plan(steps), compiled(plan)(steps)):
        assert ops.dtype(tensor) == "float32"
        np.testing.assert_allclose(array(tensor), expected, rtol=1e-5, atol=1e-6)
