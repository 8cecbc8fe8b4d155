"""Recipes against optax's schedules."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import MOST, agrees, floats, stays

jax = pytest.importorskip("jax", reason="optax's schedules run where JAX is installed")
theirs = pytest.importorskip("optax", reason="optax comes with the extra peers-jax")

rates = st.floats(1e-5, 1.0)
ends = st.one_of(st.just(0.0), rates)
lengths = st.integers(1, 60)
begins = st.integers(0, 20)
powers = st.floats(0.3, 3.0)
swept = settings(max_examples=20, deadline=None)


def check(name, steps, *args, skip=(), **arguments):
    """Ours, held against optax's in float64 over `steps` steps."""
    ours = getattr(peers.optax, name)(*args, **arguments)
    with jax.enable_x64(True):
        schedule = getattr(theirs, name)(*args, **arguments)
        expected = jax.vmap(schedule)(MOST)[:steps]
    agrees(ours, expected, absolute=True, skip=skip)
    return ours


@pytest.mark.parametrize("value", [0.1, 3e-4, 0.0])
def test_constant(value):
    check("constant_schedule", 5, value)


@swept
@given(ends, ends, lengths, begins)
def test_linear(init, end, length, begin):
    ours = check("linear_schedule", begin + length + 6, init, end, length, begin)
    stays(ours, begin + length)


@swept
@given(ends, ends, powers, lengths, begins)
def test_polynomial(init, end, power, length, begin):
    # optax's 1 - length / length may come out at 1e-16, whose root is no rounding any more.
    last = begin + length
    over = range(last, last + 6) if power < 1 else ()
    ours = check("polynomial_schedule", last + 6, init, end, power, length, begin, skip=over)
    assert ours(last) == pytest.approx(end, rel=1e-12, abs=0.0)
    stays(ours, last)


@pytest.mark.parametrize("length", [0, -3])
def test_no_transition_keeps_the_first_value(length):
    check("polynomial_schedule", 5, 0.1, 0.01, 2.0, length)
    check("exponential_decay", 5, 0.1, length, 0.5)


@swept
@given(rates, lengths, floats(0.0, 1.5), powers)
def test_cosine(init, length, alpha, exponent):
    ours = check("cosine_decay_schedule", length + 6, init, length, alpha, exponent)
    stays(ours, length)


@swept
@given(
    rates,
    lengths,
    st.one_of(st.just(1.0), st.floats(0.1, 1.0)),
    begins,
    st.booleans(),
    st.one_of(st.none(), ends),
)
def test_exponential(init, length, rate, begin, staircase, end):
    # Compiled, optax's 49 / 49 may come out below 1, and the stair come a step late.
    stairs = [begin + length, begin + 2 * length] if staircase else []
    ours = check(
        "exponential_decay",
        begin + 3 * length,
        init,
        length,
        rate,
        begin,
        staircase,
        end,
        skip=stairs,
    )
    for index, step in enumerate(stairs, 1):
        low = 0.0 if end is None else end
        value = init * rate**index
        assert ours(step) == pytest.approx(
            max(value, low) if rate < 1 else min(value, 1.0 if end is None else end)
        )


SCALES = st.dictionaries(st.integers(0, 60), st.floats(0.05, 2.0), max_size=5)


@swept
@given(rates, st.one_of(st.none(), SCALES))
def test_piecewise_constant(init, scales):
    check("piecewise_constant_schedule", 66, init, scales)


@swept
@given(st.sampled_from(["linear", "cosine"]), rates, SCALES)
@pytest.mark.deep
def test_piecewise_interpolate(kind, init, scales):
    ours = check("piecewise_interpolate_schedule", 66, kind, init, scales)
    stays(ours, 60)


@swept
@given(lengths, rates, floats(0.0, 0.5), st.floats(0.5, 1.0), st.floats(1.0, 50.0))
def test_one_cycle(length, peak, start, final, div):
    ours = check("linear_onecycle_schedule", length + 6, length, peak, start, final, div)
    stays(ours, length)
    ours = check("cosine_onecycle_schedule", length + 6, length, peak, start, div)
    stays(ours, length)


@swept
@given(ends, rates, begins)
def test_warmup_constant(init, peak, warmup):
    check("warmup_constant_schedule", warmup + 6, init, peak, warmup)


@swept
@given(ends, rates, begins, lengths, ends, powers)
def test_warmup_cosine(init, peak, warmup, left, end, exponent):
    total = warmup + left
    ours = check(
        "warmup_cosine_decay_schedule", total + 6, init, peak, warmup, total, end, exponent
    )
    stays(ours, total)


@swept
@given(ends, rates, begins, lengths, st.floats(0.1, 1.0), begins, st.booleans(), st.none() | ends)
def test_warmup_exponential(init, peak, warmup, length, rate, begin, staircase, end):
    stairs = [warmup + begin + length] if staircase else []  # as above
    check(
        "warmup_exponential_decay_schedule",
        warmup + begin + 2 * length,
        init,
        peak,
        warmup,
        length,
        rate,
        begin,
        staircase,
        end,
        skip=stairs,
    )


@swept
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "init_value": ends,
                "peak_value": rates,
                "warmup_steps": st.integers(0, 5),
                "decay_steps": st.integers(6, 20),
                "end_value": ends,
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_sgdr(cycles):
    total = sum(cycle["decay_steps"] for cycle in cycles)
    check("sgdr_schedule", total + 6, cycles)


def test_join():
    with jax.enable_x64(True):
        parts = [theirs.linear_schedule(0.0, 0.1, 20), theirs.exponential_decay(0.1, 10, 0.5)]
        joined = theirs.join_schedules(parts, [12])
        expected = jax.vmap(joined)(MOST)[:40]
    ours = [peers.optax.linear_schedule(0.0, 0.1, 20), peers.optax.exponential_decay(0.1, 10, 0.5)]
    agrees(peers.optax.join_schedules(ours, [12]), expected, absolute=True)


def test_bad_input_says_what_to_write():
    with pytest.raises(InvalidInput, match="decay_steps counts all steps"):
        peers.optax.warmup_cosine_decay_schedule(0.0, 0.1, 100, 100)
    with pytest.raises(InvalidInput, match="'linear' or 'cosine'"):
        peers.optax.piecewise_interpolate_schedule("cubic", 0.1)
    with pytest.raises(InvalidInput, match="one boundary fewer"):
        peers.optax.join_schedules([0.1, 0.2], [1, 2])
    with pytest.raises(InvalidInput, match="factor"):
        peers.optax.exponential_decay(0.1, 10, 1.5)  # growth without end
