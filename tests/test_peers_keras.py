"""Recipes against Keras's own schedules, on every backend."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import MOST, agrees, floats, stays

theirs = keras.optimizers.schedules

rates = st.floats(1e-4, 1.0)
ends = st.one_of(st.just(0.0), st.floats(1e-5, 1.0))
lengths = st.integers(1, 60)
powers = st.floats(0.5, 3.0)
swept = settings(max_examples=8, deadline=None)


def check(name, steps, skip=(), **arguments):
    """Ours, from the object, held against Keras's float32 over `steps` steps."""
    schedule = getattr(theirs, name)(**arguments)
    ours = peers.keras.from_keras(schedule)
    assert ours == getattr(peers.keras, name)(**arguments)
    expected = keras.ops.map(schedule, keras.ops.convert_to_tensor(MOST))
    expected = np.array(keras.ops.convert_to_numpy(expected)[:steps])
    # Compiled by XLA, 1 - 3 / 3 may come out below 0, and its power NaN: Keras's, at its ends.
    lost = np.flatnonzero(np.isnan(expected))
    assert name == "PolynomialDecay" or not lost.size
    expected[lost] = arguments.get("end_learning_rate", 0.0)
    # In float32 it is Keras whose values near 0 are off, by 1e-7 of the first rate.
    scale = np.abs(expected).max()
    near = np.setdiff1d(np.flatnonzero(np.abs(expected) < 1e-2 * scale), list(skip))
    off = 3e-7 ** min(arguments.get("power", 1.0), 1.0)  # a power below 1 magnifies it
    np.testing.assert_allclose(ours(near), expected[near], atol=off * scale)
    agrees(ours, expected, absolute=True, rtol=1e-4, skip=[*skip, *near])
    return ours


@swept
@given(
    rates,
    st.one_of(lengths, st.sampled_from([0.5, 2.5, 7.25, 33.3])),
    st.floats(0.1, 1.0),
    st.booleans(),
)
def test_exponential(rate, steps, decay, staircase):
    # A quotient of float32 may round up to a whole one: then Keras drops a step early.
    whole = [step for step in range(66) if abs(step / steps - round(step / steps)) < 1e-5]
    check(
        "ExponentialDecay",
        66,
        skip=whole[1:] if staircase else [],
        initial_learning_rate=rate,
        decay_steps=steps,
        decay_rate=decay,
        staircase=staircase,
    )


@swept
@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=4, unique=True),
    st.lists(rates, min_size=5, max_size=5),
)
def test_piecewise_keeps_the_old_value_at_a_boundary(boundaries, values):
    boundaries = sorted(boundaries)
    check("PiecewiseConstantDecay", 66, boundaries=boundaries, values=values[: len(boundaries) + 1])


@swept
@given(rates, lengths, ends, powers, st.booleans())
def test_polynomial(rate, steps, end, power, cycle):
    check(
        "PolynomialDecay",
        steps + 6 if not cycle else 3 * steps,
        initial_learning_rate=rate,
        decay_steps=steps,
        end_learning_rate=end,
        power=power,
        cycle=cycle,
    )


def test_polynomial_ends_above_zero_by_default():
    ours = peers.keras.from_keras(theirs.PolynomialDecay(0.1, 100))
    assert ours(100) == pytest.approx(1e-4)


@swept
@given(rates, lengths, floats(0.0, 5.0), st.booleans())
def test_inverse_time(rate, steps, decay, staircase):
    whole = [step for step in range(66) if step % steps == 0]
    check(
        "InverseTimeDecay",
        66,
        skip=whole[1:] if staircase and steps > 1 else [],
        initial_learning_rate=rate,
        decay_steps=steps,
        decay_rate=decay,
        staircase=staircase,
    )


@swept
@given(rates, lengths, floats(0.0, 1.5), st.one_of(st.none(), rates), st.integers(0, 20))
def test_cosine(rate, steps, alpha, target, warmup):
    ours = check(
        "CosineDecay",
        steps + warmup + 6,
        initial_learning_rate=rate,
        decay_steps=steps,
        alpha=alpha,
        warmup_target=target,
        warmup_steps=warmup,
    )
    stays(ours, steps + warmup)


# Nearer to 1 Keras's float32 logarithm misses its own cycles.
stretches = st.one_of(st.just(1.0), st.floats(1.2, 2.5))


@swept
@given(rates, st.integers(2, 20), stretches, st.floats(0.3, 1.0), floats(0.0, 0.9))
def test_cosine_restarts(rate, first, t_mul, m_mul, alpha):
    # Where a cycle begins, Keras's float32 logarithm may still say the one before.
    starts = first * np.cumsum([1.0, t_mul, t_mul**2, t_mul**3, t_mul**4])
    skip = [step for step in range(100) if np.abs(starts - step).min() < 0.01]
    check(
        "CosineDecayRestarts",
        min(100, int(starts[-1])),
        skip=skip,
        initial_learning_rate=rate,
        first_decay_steps=first,
        t_mul=t_mul,
        m_mul=m_mul,
        alpha=alpha,
    )


def test_only_keras_own_schedules():
    class Mine(theirs.CosineDecay):
        """Not Keras's, whatever it computes."""

    with pytest.raises(InvalidInput, match=r"Others work as they are: schedules.as_schedule"):
        peers.keras.from_keras(Mine(0.1, 100))
    with pytest.raises(InvalidInput, match="whole number of steps as decay_steps"):
        peers.keras.from_keras(theirs.CosineDecay(0.1, 100.5))
    with pytest.raises(InvalidInput, match="factor"):
        peers.keras.from_keras(theirs.ExponentialDecay(0.1, 100, 1.1))
