"""Recipes against the functions of Hugging Face's transformers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import agrees, stays

torch = pytest.importorskip("torch", reason="transformers' schedules run where torch is installed")
theirs = pytest.importorskip(
    "transformers.optimization", reason="transformers comes with the extra peers-torch"
)

LR = 2e-3
warmups = st.integers(0, 30)
lefts = st.integers(1, 60)
floors = st.one_of(st.just(0.0), st.floats(1e-6, 0.9))
swept = settings(max_examples=25, deadline=None)


def factors(build, steps, **arguments):
    """The factor of each step: the function that transformers hands to torch's LambdaLR."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    function = build(optimizer, **arguments).lr_lambdas[0]
    return np.array([function(step) for step in range(steps)], dtype=np.float64)


def check(name, steps, lr=None, **arguments):
    """Ours, held against theirs over `steps` steps."""
    given_rate = {} if lr is None else {"lr": lr}
    ours = getattr(peers.transformers, name)(**arguments, **given_rate)
    agrees(ours, factors(getattr(theirs, name), steps, **arguments))
    return ours


def test_constant():
    check("get_constant_schedule", 10)


@swept
@given(warmups)
def test_constant_with_warmup(warmup):
    check("get_constant_schedule_with_warmup", warmup + 6, num_warmup_steps=warmup)


@swept
@given(warmups, lefts)
def test_linear(warmup, left):
    total = warmup + left
    steps = {"num_warmup_steps": warmup, "num_training_steps": total}
    check("get_linear_schedule_with_warmup", total + 6, **steps)


@swept
@given(warmups, lefts, st.sampled_from([1, 2, 3, 4, 5, 8]))
def test_cosine(warmup, half, halves):
    """In whole falls and rises; after the end theirs goes on, ours stays."""
    total = warmup + half * halves
    steps = {"num_warmup_steps": warmup, "num_training_steps": total}
    ours = check("get_cosine_schedule_with_warmup", total + 1, num_cycles=halves / 2, **steps)
    stays(ours, total)


@pytest.mark.parametrize(("left", "cycles"), [(70, 0.7), (60, 0.3), (50, 0.25), (40, 0.0)])
def test_cosine_that_ends_on_its_way(left, cycles):
    steps = {"num_warmup_steps": 10, "num_training_steps": 10 + left}
    ours = check("get_cosine_schedule_with_warmup", 11 + left, num_cycles=cycles, **steps)
    stays(ours, 10 + left)


@swept
@given(warmups, lefts, st.integers(1, 6))
def test_hard_restarts(warmup, left, cycles):
    cycles = min(cycles, left)
    total = warmup + left
    steps = {"num_warmup_steps": warmup, "num_training_steps": total}
    name = "get_cosine_with_hard_restarts_schedule_with_warmup"
    ours = getattr(peers.transformers, name)(num_cycles=cycles, **steps)
    expected = factors(getattr(theirs, name), total + 6, num_cycles=cycles, **steps)
    # Where a cycle begins with a step, theirs may still be at the end of the one before.
    restarts = [warmup + s for s in range(1, left) if s * cycles % left == 0]
    agrees(ours, expected, skip=restarts)
    assert ours(restarts).tolist() == [1.0] * len(restarts)


@pytest.mark.parametrize("cycles", [0, -1, 101, 1.5])
def test_cycles_that_are_none_are_refused(cycles):
    with pytest.raises(InvalidInput, match="num_cycles="):
        peers.transformers.get_cosine_with_hard_restarts_schedule_with_warmup(10, 110, cycles)


@swept
@given(warmups, lefts, st.floats(0.3, 3.0), st.sampled_from([1e-7, 0.0, 1e-4]))
def test_polynomial(warmup, left, power, end):
    total = warmup + left
    check(
        "get_polynomial_decay_schedule_with_warmup",
        total + 6,
        lr=LR,
        num_warmup_steps=warmup,
        num_training_steps=total,
        power=power,
        lr_end=end,
    )


@swept
@given(warmups, st.one_of(st.none(), st.integers(1, 50)))
def test_inverse_sqrt(warmup, timescale):
    check("get_inverse_sqrt_schedule", warmup + 60, num_warmup_steps=warmup, timescale=timescale)


@swept
@given(warmups, lefts, floors)
def test_cosine_with_min_lr(warmup, left, low):
    total = warmup + left
    steps = {"num_warmup_steps": warmup, "num_training_steps": total}
    name = "get_cosine_with_min_lr_schedule_with_warmup"
    ours = check(name, total + 1, min_lr_rate=low, **steps)
    stays(ours, total)
    check(name, total + 1, lr=LR, min_lr=low * LR, **steps)


@swept
@given(warmups, lefts, floors, st.one_of(st.none(), st.floats(1e-6, 1.0)))
def test_cosine_with_min_lr_and_warmup_rate(warmup, left, low, start):
    total = warmup + left
    ours = check(
        "get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
        total,
        num_warmup_steps=warmup,
        num_training_steps=total,
        min_lr_rate=low,
        warmup_lr_rate=start,
    )
    stays(ours, total - 1)


SHAPES = st.sampled_from(["linear", "cosine", "1-sqrt"])


@swept
@given(warmups, warmups, lefts, SHAPES, SHAPES, floors)
def test_wsd(warmup, stable, decay, up, down, low):
    total = warmup + stable + decay
    common = {
        "num_warmup_steps": warmup,
        "num_decay_steps": decay,
        "warmup_type": up,
        "decay_type": down,
        "min_lr_ratio": low,
    }
    ours = check("get_wsd_schedule", total + 6, num_training_steps=total, **common)
    assert ours == check("get_wsd_schedule", total + 6, num_stable_steps=stable, **common)


def test_wsd_of_several_waves():
    ours = check(
        "get_wsd_schedule",
        110,
        num_warmup_steps=10,
        num_decay_steps=60,
        num_training_steps=110,
        num_cycles=1.5,
        min_lr_ratio=0.1,
    )
    stays(ours, 110)


@pytest.mark.parametrize("name", [kind.value for kind in theirs.TYPE_TO_SCHEDULER_FUNCTION])
def test_by_the_trainers_name(name):
    extra = {
        "polynomial": {"lr_end": 1e-5},
        "cosine_with_min_lr": {"min_lr": 1e-4},
        "cosine_warmup_with_min_lr": {"min_lr_rate": 0.1},
        "warmup_stable_decay": {"num_decay_steps": 30},
    }.get(name)
    if name in ("reduce_lr_on_plateau", "greedy"):
        with pytest.raises(InvalidInput, match=r"it is a rule|no schedule 'greedy'"):
            peers.transformers.get_scheduler(name)
        return
    ours = peers.transformers.get_scheduler(name, 10, 100, extra, lr=LR)

    def build(optimizer):
        return theirs.get_scheduler(name, optimizer, 10, 100, extra)

    agrees(ours, factors(build, 100))


def test_bad_input_says_what_to_write():
    with pytest.raises(InvalidInput, match="num_training_steps counts all steps"):
        peers.transformers.get_linear_schedule_with_warmup(100, 100)
    with pytest.raises(InvalidInput, match=r"lr=0.1\), or write lr_end=0"):
        peers.transformers.get_polynomial_decay_schedule_with_warmup(10, 100)
    with pytest.raises(InvalidInput, match="one of them"):
        peers.transformers.get_cosine_with_min_lr_schedule_with_warmup(10, 100)
    with pytest.raises(InvalidInput, match="Did you mean 'cosine'"):
        peers.transformers.get_scheduler("cosin", 10, 100)
    with pytest.raises(InvalidInput, match="decay_type is 'linear', 'cosine' or '1-sqrt'"):
        peers.transformers.get_wsd_schedule(10, 20, 100, decay_type="sqrt")
    with pytest.raises(InvalidInput, match="take more than num_training_steps"):
        peers.transformers.get_wsd_schedule(50, 60, 100)
    with pytest.raises(InvalidInput, match="whole number of steps"):
        peers.transformers.get_cosine_schedule_with_warmup(10.5, 100)
