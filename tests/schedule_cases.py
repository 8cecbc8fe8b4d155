"""The schedules that the contract suite runs: each registered one, and random compositions."""

import dataclasses
import json
import pickle

import keras
import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from keras import ops

from keras_lr.errors import InvalidInput
from keras_lr.schedules import SCHEDULES, Horizon, deserialize, parse, serialize, stretch
from keras_lr.schedules.arithmetic import COOLDOWNS, WARMUPS
from keras_lr.schedules.transforms.transform import Transform
from schedule_limits import LAST, limits

HORIZON = Horizon(steps=60, steps_per_epoch=6, batch_size=32)
NAMES = set(SCHEDULES)  # other tests may register their own
EXAMPLES = {name: cls.example for name, cls in SCHEDULES.items() if cls.example}
SHAPES = {n: t for n, t in EXAMPLES.items() if not parse(t).parts}
TRANSFORMS = {n: t for n, t in EXAMPLES.items() if issubclass(SCHEDULES[n], Transform)}


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def compiled(function):
    """`function` in a compiled step of the backend; torch's run as they are."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, jit_compile=True)
    return function


def transformed(name, schedule):
    """`schedule` inside the example of a transform, in place of the example's own."""
    return dataclasses.replace(parse(TRANSFORMS[name]), schedule=schedule)


def resolved(schedule, horizon):
    """The plan; what doesn't fit into the run has its own tests."""
    try:
        return schedule.resolve(horizon)
    except InvalidInput:
        return reject()


def all_parts(schedule):
    yield schedule
    for part in schedule.parts:
        yield from all_parts(part)


def assert_round_trips(schedule):
    assert parse(str(schedule)) == schedule
    assert deserialize(json.loads(json.dumps(serialize(schedule)))) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert hash(parse(str(schedule))) == hash(schedule)


def assert_holds(plan):
    """What every plan holds to, whatever it is made of."""
    steps = plan.horizon.steps
    values = plan(range(steps + 20))
    assert np.isfinite(values).all()
    _assert_within_limits(plan, values)
    # NumPy's power of an array may differ from that of a number in the last bit.
    some = [0, 1, steps // 3, steps - 1, steps + 3]
    np.testing.assert_allclose(values[some], [plan(step) for step in some], rtol=1e-13)
    _assert_rests_after_its_end(plan)
    for mark in plan.marks():
        assert isinstance(mark.step, int)
        assert 0 <= mark.step <= (LAST if plan.end is None else plan.end), (mark, plan.end)
    for step in (*some, LAST):
        for part, inner in plan.inside(step):
            assert np.isfinite(part(inner))
        assert isinstance(plan.note(step), str)
    assert plan.resolve(plan.horizon) == plan
    assert plan.schedule.missing() is None
    assert_round_trips(plan.schedule)


def _assert_within_limits(plan, values):
    expected = limits(plan, 4 * plan.horizon.steps)
    assert values.min() >= expected.low - 1e-12
    assert values.max() <= expected.high + 1e-12
    assert np.abs(np.diff(values)).max() <= expected.swing * (1 + 1e-9) + 1e-12


def _assert_rests_after_its_end(plan):
    if plan.end is None:
        assert np.isfinite(plan(LAST))
        return
    after = plan([plan.end, plan.end + 1, min(10 * plan.end, LAST), LAST])
    assert (after == after[0]).all()


# --- random compositions ------------------------------------------------------------------------

_factors = st.floats(0, 1).map(lambda value: round(value, 3))
_positives = st.floats(0.01, 1).map(lambda value: round(value, 3))
_powers = st.floats(0.3, 4).map(lambda value: round(value, 2))
_shares = st.integers(1, 30).map(lambda value: f"{value}%")
_lengths = st.one_of(_shares, st.integers(1, 20), st.just("1 epoch"), st.just("96 samples"))
_periods = st.one_of(
    _shares, st.integers(1, 50), st.integers(1, 9).map(lambda e: f"{e} epochs"), st.just(2.5)
)
_ramps = st.sampled_from(sorted(WARMUPS))
_falls = st.sampled_from(sorted(COOLDOWNS))


def _build(name, *arguments, **settings):
    return st.builds(SCHEDULES[name], *arguments, **settings)


def _ordered(name, least=0.0, **settings):
    """A fall from the higher to the lower of two numbers."""
    ends = st.tuples(_factors, _factors).map(lambda pair: [max(v, least) for v in sorted(pair)])
    return st.builds(
        lambda ends, settings: SCHEDULES[name](start=ends[1], end=ends[0], **settings),
        ends,
        st.fixed_dictionaries(settings),
    )


falling_shapes = st.one_of(
    _build("constant", _factors),
    _ordered("linear"),
    _ordered("cosine", power=_powers),
    _ordered("polynomial", power=_powers),
    _ordered("rex", beta=_positives),
    _ordered("tanh", lower=st.floats(-8, 0), upper=st.floats(0.5, 8)),
    _ordered("geometric", least=1e-4),
    _build("step_decay", _positives, _periods),
    _build("exponential", _positives, _periods),
    _build("time_decay", _factors, st.one_of(st.just("update"), st.just("epoch"), _periods)),
    _build("inverse_sqrt", _lengths),
    _build("power", st.floats(0.1, 9), st.floats(-3, -0.1)),
)
shapes = st.one_of(
    falling_shapes,
    st.sampled_from(sorted(SHAPES.values())).map(parse),
    _build("linear", _factors, _factors),
    _build("geometric", _positives, _positives),
    _build("saturation", _lengths),
    _build("polynomial_restarts", _lengths, power=_powers),
    _build("one_cycle", _factors, _factors, shape=st.sampled_from(["cosine", "linear"])),
    _ordered("one_cycle", phases=st.just(3), peak=st.floats(0.05, 0.5)),
    st.builds(
        lambda first, second, values: SCHEDULES["piecewise"]([first, first + second], values),
        st.integers(1, 30),
        st.integers(1, 30),
        st.lists(_factors, min_size=3, max_size=3),
    ),
)


def _bent(schedule, power):
    return schedule.k_decay(power) if _ends(schedule) else schedule


def _ends(schedule):
    try:
        return schedule.resolve(HORIZON).end is not None
    except InvalidInput:
        return False


def _falls_over(inner):
    """Transforms under which what falls goes on falling."""
    return (
        st.builds(lambda a, b: a * b, inner, inner),
        _build("cooldown", inner, _lengths, shape=_falls, end=_factors),
        _build(
            "cooldown",
            inner,
            _lengths,
            shape=_falls,
            end=_factors,
            start=st.one_of(_lengths, st.just(0)),
        ),
        st.builds(lambda s, ends: s.clip(*sorted(ends)), inner, st.tuples(_factors, _factors)),
        st.builds(lambda s, ends: s.between(*sorted(ends)), inner, st.tuples(_factors, _factors)),
        _build("hold", inner, _lengths),
        _build("offset", inner, _lengths),
        st.builds(_bent, inner, _powers),
        st.builds(stretch, inner, st.sampled_from([0.5, 1.5, 3.0])),
    )


def _anything_over(inner):
    return st.one_of(
        *_falls_over(inner),
        _build("warmup", inner, _lengths, shape=_ramps, power=_powers, start=_factors),
        st.builds(lambda a, b, share: SCHEDULES["join"]([a, b], [share]), inner, inner, _lengths),
        st.builds(lambda s, a, b: s.between(a, b), inner, _factors, _factors),
        _build("noise", inner, _positives, every=_periods, seed=st.integers(0, 9)),
        _build(
            "repeat",
            inner,
            st.one_of(_lengths, st.floats(1, 40).map(lambda steps: round(steps, 2)), st.none()),
            times=st.one_of(st.none(), st.integers(1, 9)),
            stretch=st.sampled_from([1.0, 1.0, 1.25, 2.0]),
            decay=_positives,
        ),
    )


_rates = st.one_of(st.none(), st.none(), st.floats(1e-4, 2))
falls = st.recursive(falling_shapes, lambda inner: st.one_of(_falls_over(inner)), max_leaves=4)
compositions = st.builds(
    lambda schedule, value: schedule if value is None else schedule.rate(value),
    st.recursive(shapes, _anything_over, max_leaves=5),
    _rates,
)
