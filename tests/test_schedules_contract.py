"""What every schedule holds to: each registered one, and compositions of them."""

import json
import pickle

import keras
import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from keras import ops

from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.schedules import SCHEDULES, Horizon, deserialize, parse, serialize

HORIZON = Horizon(steps=60, steps_per_epoch=6)
LAST = 2**31 - 1
STEPS = np.arange(0, 90)

NAMES = set(SCHEDULES)  # other tests may register their own
EXAMPLES = {name: cls.example for name, cls in SCHEDULES.items() if cls.example}
TEXTS = [
    *EXAMPLES.values(),
    "linear(0.2, 1.0)",
    "cosine()",
    "one_cycle(shape=linear)",
    "time_decay(0.01)",
    "step_decay(0.7, every=2 epochs)",
    "warmup_stable_decay()",
    "warmup_stable_decay(10%, 40%, shape=1-sqrt, start=0.1, end=0.1)",
    "linear() | warmup(2 epochs, shape=cosine)",
    "one_cycle() * step_decay(0.5, every=20) | cooldown(10%, shape=cosine)",
    "join(linear(0, 1, length=6), cosine(end=0.5, length=20) | warmup(2), linear(0.5, 0))",
]
FALLING = ["cosine", "exponential", "polynomial", "product", "step_decay", "time_decay", "cooldown"]


@pytest.fixture(params=TEXTS)
def plan(request):
    return parse(request.param).resolve(HORIZON)


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def compiled(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, jit_compile=True)
    return function


def test_each_registered_schedule_has_an_example():
    # Keras's own and callables need an object, and have tests of their own.
    assert NAMES - set(EXAMPLES) == {"keras", "function"}
    for name, text in EXAMPLES.items():
        assert name in {part.name for part in _all_parts(parse(text))}


def test_it_stays_in_its_range(plan):
    values = plan([*STEPS, LAST])
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
    tensor = array(plan(ops.convert_to_tensor(STEPS.astype("int32"))))
    assert np.isfinite(tensor).all()
    assert tensor.min() >= 0
    assert tensor.max() <= 1


def test_it_is_constant_after_its_end(plan):
    if plan.end is None:
        assert np.isfinite(plan(LAST))
        return
    after = plan([plan.end, plan.end + 1, 10 * plan.end, LAST])
    assert (after == after[0]).all()
    # XLA may fuse the tail differently from the rest: one rounding of float32.
    tensor = array(plan(ops.convert_to_tensor(np.array([plan.end, 10 * plan.end, LAST], "int32"))))
    np.testing.assert_allclose(tensor, after[0], rtol=2e-7)


def test_the_compiled_step_sees_what_numbers_see(plan):
    step = compiled(plan)
    for value in [0, 1, 5, 6, 17, 30, 59, 60, 61, 89]:
        tensor = step(ops.convert_to_tensor(value, "int32"))
        assert ops.dtype(tensor) == "float32"
        assert tuple(ops.shape(tensor)) == ()
        assert float(tensor) == pytest.approx(plan(value), rel=2e-5, abs=2e-7)


def test_vectorised_equals_scalar(plan):
    # NumPy's power of an array may differ from that of a number in the last bit.
    np.testing.assert_allclose(plan(STEPS), [plan(int(step)) for step in STEPS], rtol=1e-15)
    tensor = array(plan(ops.convert_to_tensor(STEPS.astype("int32"))))
    np.testing.assert_allclose(tensor, plan(STEPS), rtol=2e-5, atol=2e-7)


@pytest.mark.parametrize("dtype", ["int64", "uint8", "uint32", "float32", "float64"])
def test_any_type_of_step_will_do(dtype):
    plan = parse("cosine(end=0.1) | warmup(20)").resolve(HORIZON)
    steps = np.array([0, 3, 20, 40, 60], dtype)
    for given_steps in (steps, ops.convert_to_tensor(steps)):
        np.testing.assert_allclose(
            array(plan(given_steps)), plan(steps.tolist()), rtol=2e-5, atol=2e-7
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
        assert float(tensor) == pytest.approx(value, rel=2e-5, abs=2e-7)


def test_steps_are_told_apart_beyond_the_integers_of_float32():
    far = 2**24  # float32 has no 2**24 + 1
    for text in [
        f"step_decay(0.5, every={far + 1})",
        f"piecewise([{far + 1}], values=[1.0, 0.5])",
        f"join(constant(), constant(0.5), boundaries=[{far + 1}])",
        f"constant() | cooldown(2, start={far})",
        f"linear(length=2) | warmup({far})",
    ]:
        schedule = parse(text)
        tensor = array(schedule(ops.convert_to_tensor(np.array([far, far + 1], "int32"))))
        assert tensor.tolist() == [1.0, 0.5], text


@pytest.mark.parametrize("name", FALLING)
def test_a_fall_never_rises(name):
    plan = parse(EXAMPLES[name]).resolve(steps=997)
    assert (np.diff(plan(range(1100))) <= 1e-16).all()
    tensor = array(plan(ops.convert_to_tensor(np.arange(1100, dtype="int32"))))
    assert (np.diff(tensor) <= 1e-7).all()  # a float32 rounding of XLA's sine


def test_text_and_config_round_trip(plan):
    for schedule in (plan.schedule, parse(str(plan))):
        assert parse(str(schedule)) == schedule
        assert deserialize(json.loads(json.dumps(serialize(schedule)))) == schedule
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert hash(schedule) == hash(parse(str(schedule)))


def test_resolving_again_changes_nothing(plan):
    assert plan.resolve(HORIZON) == plan
    assert plan.schedule.missing() is None


@pytest.mark.parametrize("text", TEXTS)
def test_unresolved_round_trips_and_refuses(text):
    schedule = parse(text)
    assert parse(str(schedule)) == schedule
    assert deserialize(json.loads(json.dumps(serialize(schedule)))) == schedule
    if schedule.missing() is None:
        assert np.isfinite(schedule(3))
    else:
        with pytest.raises(UnresolvedSchedule):
            schedule(3)


# --- random compositions ------------------------------------------------------------------------

factors = st.floats(0, 1).map(lambda value: round(value, 3))
positives = st.floats(0.01, 1).map(lambda value: round(value, 3))
shares = st.integers(0, 30).map(lambda value: f"{value}%")
positive_shares = st.integers(1, 30).map(lambda value: f"{value}%")
periods = st.one_of(
    st.integers(1, 50),
    st.integers(1, 9).map(lambda epochs: f"{epochs} epochs"),
    positive_shares,
)


def _falling(cls, start, end, **more):
    return SCHEDULES[cls](max(start, end), min(start, end), **more)


leaves = st.one_of(
    st.builds(SCHEDULES["constant"], factors),
    st.builds(SCHEDULES["linear"], factors, factors),
    st.builds(_falling, st.just("cosine"), factors, factors),
    st.builds(_falling, st.just("polynomial"), factors, factors, power=st.floats(0.1, 4)),
    st.builds(SCHEDULES["step_decay"], positives, periods),
    st.builds(SCHEDULES["exponential"], positives, periods),
    st.builds(SCHEDULES["time_decay"], factors, st.one_of(st.just("update"), periods)),
    st.builds(
        SCHEDULES["one_cycle"], factors, factors, shape=st.sampled_from(["cosine", "linear"])
    ),
    st.builds(
        lambda first, second, values: SCHEDULES["piecewise"]([first, first + second], values),
        st.integers(1, 30),
        st.integers(1, 30),
        st.lists(factors, min_size=3, max_size=3),
    ),
)
schedules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(
            lambda schedule, length, shape, start: schedule.warmup(length, shape, start=start),
            inner,
            shares,
            st.sampled_from(["linear", "cosine"]),
            factors,
        ),
        st.builds(
            lambda schedule, length, shape, end: schedule.cooldown(length, shape, end=end),
            inner,
            shares,
            st.sampled_from(["linear", "cosine", "1-sqrt"]),
            factors,
        ),
        st.builds(lambda first, second: first * second, inner, inner),
        st.builds(
            lambda first, second, share: SCHEDULES["join"]([first, second], [share]),
            inner,
            inner,
            positive_shares,
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(schedule=schedules, steps=st.integers(20, 300))
def test_any_composition_holds(schedule, steps):
    assert parse(str(schedule)) == schedule
    assert deserialize(json.loads(json.dumps(serialize(schedule)))) == schedule
    plan = _resolved(schedule, Horizon(steps, steps / 10))
    assert parse(str(plan)) == plan.schedule
    assert plan.resolve(plan.horizon) == plan
    values = plan(range(steps + 20))
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
    assert values[steps // 3] == pytest.approx(plan(steps // 3), rel=1e-14)
    if plan.end is not None:
        assert len({plan(plan.end), plan(plan.end + 7), plan(LAST)}) == 1


@settings(max_examples=15, deadline=None, derandomize=True)
@given(schedule=schedules)
def test_any_composition_is_the_same_in_tensors(schedule):
    plan = _resolved(schedule, HORIZON)
    tensor = array(plan(ops.convert_to_tensor(STEPS.astype("int32"))))
    np.testing.assert_allclose(tensor, plan(STEPS), rtol=5e-5, atol=1e-6)


def _resolved(schedule, horizon):
    """The plan; compositions whose warmups take all there is are not what is tested here."""
    try:
        return schedule.resolve(horizon)
    except InvalidInput:
        return reject()


def _all_parts(schedule):
    yield schedule
    for part in schedule.parts:
        yield from _all_parts(part)
