"""Recipes against torch's schedulers, stepped as torch steps them."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import agrees, floats, stays

torch = pytest.importorskip("torch", reason="torch's schedulers run where torch is installed")
from torch.optim import lr_scheduler as theirs  # noqa: E402

LR = 0.3
lengths = st.integers(1, 40)
gammas = st.floats(0.05, 1.0)
floors = st.sampled_from([0.0, 0.001, 0.1, 0.29])
swept = settings(max_examples=25, deadline=None)


def rates(build, steps, lr=LR, read="lr"):
    """The rate (or momentum) of the first `steps` updates under a scheduler."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    scheduler = build(optimizer)
    seen = []
    with warnings.catch_warnings():
        # torch wants optimizer.step() in between; no gradient is needed to read rates.
        warnings.simplefilter("ignore", UserWarning)
        for _ in range(steps):
            seen.append(float(optimizer.param_groups[0][read]))
            scheduler.step()
    return np.array(seen)


def factors(build, steps):
    return rates(build, steps) / LR


@swept
@given(lengths, gammas)
def test_step_lr(size, gamma):
    agrees(
        peers.torch.StepLR(size, gamma), factors(lambda o: theirs.StepLR(o, size, gamma), 3 * size)
    )


@swept
@given(st.lists(st.integers(0, 60), max_size=6), st.floats(0.05, 1.5))
def test_multi_step_lr(milestones, gamma):
    expected = factors(lambda o: theirs.MultiStepLR(o, milestones, gamma), 66)
    agrees(peers.torch.MultiStepLR(milestones, gamma), expected)


@swept
@given(st.floats(0.01, 1.0), lengths)
def test_constant_lr(factor, total):
    expected = factors(lambda o: theirs.ConstantLR(o, factor, total), total + 6)
    agrees(peers.torch.ConstantLR(factor, total), expected)


@swept
@given(st.floats(0.01, 1.0), floats(0.0, 1.0), lengths)
def test_linear_lr(start, end, total):
    expected = factors(lambda o: theirs.LinearLR(o, start, end, total), total + 6)
    agrees(peers.torch.LinearLR(start, end, total), expected)


@swept
@given(gammas)
def test_exponential_lr(gamma):
    agrees(peers.torch.ExponentialLR(gamma), factors(lambda o: theirs.ExponentialLR(o, gamma), 40))


@swept
@given(lengths, st.floats(0.2, 4.0))
def test_polynomial_lr(total, power):
    expected = factors(lambda o: theirs.PolynomialLR(o, total, power), total + 6)
    agrees(peers.torch.PolynomialLR(total, power), expected)


@swept
@given(lengths, floors)
def test_cosine_annealing_lr(total, eta_min):
    ours = peers.torch.CosineAnnealingLR(total, eta_min, lr=LR)
    agrees(ours, factors(lambda o: theirs.CosineAnnealingLR(o, total, eta_min), total + 1))
    stays(ours, total)  # torch's rises again


@swept
@given(lengths, st.integers(1, 3), floors)
def test_cosine_annealing_warm_restarts(first, times, eta_min):
    ours = peers.torch.CosineAnnealingWarmRestarts(first, times, eta_min, lr=LR)
    expected = factors(
        lambda o: theirs.CosineAnnealingWarmRestarts(o, first, times, eta_min), 5 * first + 5
    )
    agrees(ours, expected)


@swept
@given(
    st.floats(0.001, 1.0),
    st.floats(0.001, 1.0),
    lengths,
    st.one_of(st.none(), lengths),
    st.sampled_from(["triangular", "triangular2", "exp_range"]),
    st.floats(0.8, 1.0),
)
def test_cyclic_lr(base, top, up, down, mode, gamma):
    steps = 3 * (up + (down or up)) + 5

    def build(optimizer):
        return theirs.CyclicLR(optimizer, base, top, up, down, mode, gamma)

    ours = peers.torch.CyclicLR(base, top, up, down, mode, gamma)
    agrees(ours, rates(build, steps), absolute=True)
    momentum = peers.torch.cyclic_momentum(0.8, 0.9, up, down, mode, gamma)
    agrees(momentum, rates(build, steps, read="momentum"))


@swept
@given(
    st.integers(3, 60),
    st.floats(0.1, 0.9),
    st.sampled_from(["cos", "linear"]),
    st.floats(1.0, 50.0),
    st.floats(1.0, 1e5),
    st.booleans(),
)
def test_one_cycle_lr(total, peak, shape, div, final, three):
    peak = min(peak, 0.5) if three else peak
    # torch divides by a phase of no steps, and goes astray in one of less than none.
    assume(peak * total > 1.05 and (not three or 2 * peak * total - 2 < total - 1.05))

    def build(optimizer):
        return theirs.OneCycleLR(
            optimizer,
            0.1,
            total,
            pct_start=peak,
            anneal_strategy=shape,
            div_factor=div,
            final_div_factor=final,
            three_phase=three,
        )

    ours = peers.torch.OneCycleLR(
        0.1,
        total,
        pct_start=peak,
        anneal_strategy=shape,
        div_factor=div,
        final_div_factor=final,
        three_phase=three,
    )
    agrees(ours, rates(build, total), absolute=True)
    stays(ours, total - 1)  # torch's step T rebounds, and the next raises
    momentum = peers.torch.one_cycle_momentum(total, peak, shape, 0.85, 0.95, three)
    agrees(momentum, rates(build, total, read="momentum"))


def test_one_cycle_takes_epochs():
    by_epochs = peers.torch.OneCycleLR(0.1, epochs=3, steps_per_epoch=10)
    assert by_epochs == peers.torch.OneCycleLR(0.1, 30)
    with pytest.raises(InvalidInput, match="total_steps, or epochs and steps_per_epoch"):
        peers.torch.OneCycleLR(0.1)


@pytest.mark.parametrize("milestones", [[5], [7], [20]])
def test_sequential_lr(milestones):
    def build(o):
        first = theirs.LinearLR(o, 0.1, total_iters=10)
        return theirs.SequentialLR(o, [first, theirs.ExponentialLR(o, 0.9)], milestones)

    parts = [peers.torch.LinearLR(0.1, total_iters=10), peers.torch.ExponentialLR(0.9)]
    agrees(peers.torch.SequentialLR(parts, milestones), factors(build, 40))


def test_sequential_lr_of_three():
    def build(o):
        parts = [
            theirs.ConstantLR(o, 0.1, 3),
            theirs.StepLR(o, 5, 0.5),
            theirs.CosineAnnealingLR(o, 20),
        ]
        return theirs.SequentialLR(o, parts, [6, 25])

    parts = [
        peers.torch.ConstantLR(0.1, 3),
        peers.torch.StepLR(5, 0.5),
        peers.torch.CosineAnnealingLR(20),
    ]
    agrees(peers.torch.SequentialLR(parts, [6, 25]), factors(build, 46))


def test_chained_scheduler():
    def build(o):
        parts = [theirs.LinearLR(o, 0.1, total_iters=8), theirs.StepLR(o, 5, 0.5)]
        return theirs.ChainedScheduler(parts, optimizer=o)

    parts = [peers.torch.LinearLR(0.1, total_iters=8), peers.torch.StepLR(5, 0.5)]
    agrees(peers.torch.ChainedScheduler(parts), factors(build, 30))


def test_lambda_lr():
    expected = factors(lambda o: theirs.LambdaLR(o, lambda step: 0.95**step), 30)
    agrees(peers.torch.LambdaLR(lambda step: 0.95**step), expected)


@pytest.mark.parametrize(
    "function", [lambda step: 0.95, lambda step: 0.5 if step % 7 == 0 else 1.0, lambda step: 1.0]
)
def test_multiplicative_lr(function):
    expected = factors(lambda o: theirs.MultiplicativeLR(o, function), 31)
    agrees(peers.torch.MultiplicativeLR(function, steps=30), expected)


def test_multiplicative_lr_that_always_differs_is_refused():
    with pytest.raises(InvalidInput, match="Write their product as a function of the step"):
        peers.torch.MultiplicativeLR(lambda step: 1 - 1 / (step + 1), steps=300)


def test_floors_that_are_rates_need_the_rate():
    with pytest.raises(InvalidInput, match=r"CosineAnnealingLR\(..., lr=0.1\), or write eta_min=0"):
        peers.torch.CosineAnnealingLR(100, eta_min=0.001)
    with pytest.raises(InvalidInput, match="lr is the optimizer's rate, above 0"):
        peers.torch.CosineAnnealingLR(100, eta_min=0.001, lr=0.0)


def test_plateau_is_a_rule():
    with pytest.raises(InvalidInput, match=r"rules=Plateau\(factor=0.1, patience=10\)"):
        peers.torch.ReduceLROnPlateau(mode="min")
