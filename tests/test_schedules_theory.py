"""The bound of convex theory: the anchors, a plain reference, and what must not matter."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import Constant, Cosine, Linear, laying, parse, theory

STEPS = 400
inverse_root = Constant() * (lambda step: 1 / math.sqrt(step + 1))

ANCHORS = {
    # base rate, bound; steps 0 to 399 of a schedule that reaches its end at step 400
    "linear": (Linear(), 0.049563, 0.100630),
    "1-sqrt": (Constant().cooldown("100%", "1-sqrt"), 0.073797, 0.101243),
    "cosine": (Cosine(), 0.048242, 0.103386),
    "wsd-.2": (Constant().cooldown("20%"), 0.025374, 0.109323),
    "1/√t": (inverse_root, 0.212086, 0.122264),
    "constant": (Constant(), 0.018176, 0.137545),
}


def plainly(rates, norms, distance):
    """The bound as the paper writes it: every sum on its own."""
    last = len(rates)
    total = sum(rates)
    t1 = distance**2 / (2 * total)
    t2 = sum(r**2 * g**2 for r, g in zip(rates, norms, strict=True)) / (2 * total)
    t3 = 0.0
    for k in range(last - 1):
        alpha = sum(rates[k + 1 :])
        beta = sum(rates[k:])
        gamma = sum(r**2 * g**2 for r, g in zip(rates[k:], norms[k:], strict=True))
        t3 += 0.5 * rates[k] / alpha * gamma / beta
    return math.sqrt(t1 / (t2 + t3)), 2 * math.sqrt(t1 * (t2 + t3))


@pytest.mark.parametrize("name", ANCHORS)
def test_anchors(name):
    schedule, base, best = ANCHORS[name]
    found = theory.bound(schedule, STEPS)
    assert found.base == pytest.approx(base, abs=1e-6)
    assert found.bound == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(
    ("share", "ratio", "digits"), [(10, 1.97, 2), (20, 1.77, 2), (40, 1.50, 2), (60, 1.28, 2),
                                   (80, 1.09, 2), (0, 3.2, 1)]
)  # fmt: skip
def test_rate_transfer_between_cooldowns(share, ratio, digits):
    """The paper's ratios: linear cooldowns of 50,000 steps, each against one of 90 %."""
    schedule = Constant().cooldown(f"{share}%") if share else Constant()
    found = theory.transfer_rate(schedule, Constant().cooldown("90%"), steps=50_000)
    assert round(found, digits) == ratio


@settings(max_examples=60, deadline=None)
@given(
    rates=st.lists(st.floats(0.01, 10), min_size=1, max_size=12),
    norms=st.lists(st.floats(0.1, 10), min_size=12, max_size=12),
    distance=st.floats(0.1, 10),
)
def test_the_fast_sums_are_the_plain_ones(rates, norms, distance):
    schedule = Constant() * (lambda step: rates[min(int(step), len(rates) - 1)])
    norms = norms[: len(rates)]
    found = theory.bound(schedule, len(rates), gradient_norms=norms, distance=distance)
    expected = plainly(rates, norms, distance)
    assert (found.base, found.bound) == pytest.approx(expected, rel=1e-9)


TEXTS = ["cosine", "linear(end=0.1)", "constant | warmup(10%) | cooldown(30%, shape=1-sqrt)",
         "cosine | repeat(25%)", "one_cycle", "step_decay(0.5, every=20%) | noise(0.1)"]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    text=st.sampled_from(TEXTS),
    steps=st.integers(20, 300),
    scale=st.floats(1e-6, 1e6),
    norm=st.floats(1e-3, 1e3),
    distance=st.floats(1e-3, 1e3),
)
def test_scales_move_the_rate_and_leave_the_comparison(text, steps, scale, norm, distance):
    schedule = parse(text)
    plain = theory.bound(schedule, steps)
    scaled = theory.bound(schedule * scale, steps)
    assert scaled.bound == pytest.approx(plain.bound, rel=1e-9)
    assert scaled.base * scale == pytest.approx(plain.base, rel=1e-9)
    other = theory.bound(schedule, steps, gradient_norms=norm, distance=distance)
    assert other.bound == pytest.approx(plain.bound * norm * distance, rel=1e-9)
    assert other.base == pytest.approx(plain.base * distance / norm, rel=1e-9)


@pytest.mark.parametrize("text", TEXTS)
def test_the_base_rate_is_the_best_one(text):
    found = theory.bound(text, 200)
    assert found.at(found.base) == pytest.approx(found.bound, rel=1e-12)
    assert found.at(0.9 * found.base) > found.bound < found.at(1.1 * found.base)


def test_steps_at_rate_0_do_not_count():
    run = parse("linear(length=50)")
    late = parse("join(constant(0), linear(length=50), boundaries=[20])")
    assert theory.bound(run, 50) == theory.bound(run, 80) == theory.bound(late, 90)
    warmed = theory.bound("cosine | warmup(10%)", 100)
    assert math.isfinite(warmed.base)
    assert math.isfinite(warmed.bound)


def test_no_gradient_descent_run_breaks_the_bound():
    """On |x| (convex, gradients of norm 1) no base rate ends above what the theorem allows."""
    for text in TEXTS:
        rates = parse(text).resolve(steps=100)(range(100))
        found = theory.bound(text, 100)
        for base in (0.3 * found.base, found.base, 3 * found.base):
            x = 1.0
            for rate in rates[rates > 0][:-1]:  # x_T: the last rate belongs to the step after it
                x -= base * rate * np.sign(x)
            assert abs(x) <= found.at(base) + 1e-12


def test_transfer_is_consistent():
    there = theory.transfer_rate("cosine", "linear", steps=300)
    back = theory.transfer_rate("linear", "cosine", steps=300)
    assert there * back == pytest.approx(1.0)
    assert theory.transfer_rate("cosine", "cosine", steps=300) == 1.0
    on = theory.transfer_rate("linear", "constant", steps=300)
    assert theory.transfer_rate("cosine", "constant", steps=300) == pytest.approx(there * on)
    assert theory.transfer_rate("cosine", "linear", steps=300, rate=0.1) == 0.1 * there


def test_a_longer_run_wants_a_lower_rate():
    longer = theory.transfer_rate("linear", "linear", steps=1000, to_steps=4000)
    assert longer == pytest.approx(0.5, rel=5e-3)


def test_epochs_samples_and_plans():
    expected = theory.bound("cosine | warmup(20)", 100)
    assert theory.bound("cosine | warmup(2 epochs)", 100, steps_per_epoch=10) == expected
    assert theory.bound("cosine | warmup(640 samples)", 100, batch_size=32) == expected
    plan = parse("cosine | warmup(20%)").resolve(steps=100)
    assert theory.bound(plan) == expected
    assert theory.transfer_rate(plan, plan) == 1.0
    assert theory.bound("linear(length=40)") == theory.bound("linear", 40)


def test_what_cannot_be_answered_is_refused():
    with pytest.raises(InvalidInput, match=r"steps=1000"):
        theory.bound("cosine")
    with pytest.raises(InvalidInput, match="nothing is learned"):
        theory.bound("constant(0)", 10)
    with pytest.raises(InvalidInput, match="each of the 10 steps"):
        theory.bound("cosine", 10, gradient_norms=[1.0, 2.0])
    for norms in (0.0, -1.0, math.nan, [1.0] * 9 + [0.0]):
        with pytest.raises(InvalidInput, match="positive finite"):
            theory.bound("cosine", 10, gradient_norms=norms)
    with pytest.raises(InvalidInput, match="distance"):
        theory.bound("cosine", 10, distance=0.0)
    almost = " * ".join(["piecewise([9], [1, 1e-16])"] * 20)
    assert theory.bound(almost, 10).bound == math.inf
    with pytest.raises(InvalidInput, match="ends with rates of almost 0"):
        theory.transfer_rate(almost, "cosine", steps=10)


def test_docstring_examples():
    assert doctest.testmod(theory).failed == doctest.testmod(laying).failed == 0
