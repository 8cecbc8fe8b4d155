"""Recipes against timm's schedulers."""

import importlib.util
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.schedules import peers
from peer_checks import agrees, stays

torch = pytest.importorskip("torch", reason="timm's schedulers run where torch is installed")
if (_found := importlib.util.find_spec("timm")) is None:
    pytest.skip("timm comes with the extra peers-torch", allow_module_level=True)
# timm's schedulers without the rest of timm: its models need torchvision's compiled operators.
sys.modules.setdefault("timm", importlib.util.module_from_spec(_found))
theirs = importlib.import_module("timm.scheduler")

LR = 0.2
lengths = st.integers(1, 40)
warmups = st.integers(0, 20)
floors = st.sampled_from([0.0, 0.002, 0.05])
starts = st.sampled_from([0.0, 0.01, 0.2, 0.3])
powers = st.sampled_from([1.0, 0.5, 1.7, 3.0])
swept = settings(max_examples=30, deadline=None)


def factors(name, steps, **arguments):
    """The factor of each epoch; timm's is stepped with the number of the next."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    scheduler = getattr(theirs, name)(optimizer, **arguments)
    seen = []
    for step in range(steps):
        seen.append(float(optimizer.param_groups[0]["lr"]))
        scheduler.step(step + 1)
    return np.array(seen) / LR


def check(name, steps, skip=(), **arguments):
    """Ours, held against timm's over `steps` steps."""
    ours = getattr(peers.timm, name)(**arguments, lr=LR)
    agrees(ours, factors(name, steps, **arguments), skip=skip)
    return ours


def restarts(first, times, mul, before):
    """Where timm's logarithm may round to the cycle before."""
    starts = [
        first * (mul**index - 1) / (mul - 1) if mul != 1 else first * index
        for index in range(1, times)
    ]
    return [before + round(start) for start in starts if abs(start - round(start)) < 1e-6]


@swept
@given(lengths, floors, warmups, starts, st.booleans(), powers)
def test_cosine(length, low, warmup, start, prefix, power):
    assume(prefix or warmup < length)
    ours = check(
        "CosineLRScheduler",
        length + warmup + 6,
        t_initial=length,
        lr_min=low,
        warmup_t=warmup,
        warmup_lr_init=start,
        warmup_prefix=prefix,
        k_decay=power,
    )
    stays(ours, length + warmup)


@swept
@given(
    st.sampled_from(["CosineLRScheduler", "PolyLRScheduler"]),
    st.integers(1, 12),
    st.integers(1, 4),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.floats(0.2, 1.0),
    floors,
    warmups,
    powers,
)
def test_cycles(name, length, times, mul, decay, low, warmup, power):
    total = warmup + round(sum(length * mul**index for index in range(times)))
    ours = check(
        name,
        total + 6,
        skip=restarts(length, times, mul, warmup),
        t_initial=length,
        lr_min=low,
        cycle_mul=mul,
        cycle_decay=decay,
        cycle_limit=times,
        warmup_t=warmup,
        warmup_prefix=True,
        k_decay=power,
    )
    for index, step in enumerate(restarts(length, times, mul, warmup), 1):
        assert ours(step) == pytest.approx(decay**index, rel=1e-12)
    stays(ours, total)


@swept
@given(st.integers(1, 12), st.integers(2, 4), st.floats(1.1, 2.5), st.floats(0.2, 1.0))
def test_cycles_that_begin_between_two_steps(length, times, mul, decay):
    total = sum(length * mul**index for index in range(times))
    check(
        "CosineLRScheduler",
        int(total),
        skip=restarts(length, times, mul, 0),
        t_initial=length,
        cycle_mul=mul,
        cycle_decay=decay,
        cycle_limit=times,
    )


@swept
@given(lengths, powers, floors, warmups, starts, st.booleans())
def test_poly(length, power, low, warmup, start, prefix):
    assume(prefix or warmup < length)
    check(
        "PolyLRScheduler",
        length + warmup + 6,
        t_initial=length,
        power=power,
        lr_min=low,
        warmup_t=warmup,
        warmup_lr_init=start,
        warmup_prefix=prefix,
    )


@swept
@given(lengths, st.floats(-8.0, -2.0), st.floats(1.0, 4.0), floors, warmups, starts, st.booleans())
def test_tanh(length, lower, upper, low, warmup, start, prefix):
    assume(prefix or warmup < length)
    total = length + warmup * prefix
    # Before its first step timm has the optimizer's own rate, whatever the schedule says.
    ours = check(
        "TanhLRScheduler",
        total,
        skip=[] if warmup else [0],
        t_initial=length,
        lb=lower,
        ub=upper,
        lr_min=low,
        warmup_t=warmup,
        warmup_lr_init=start,
        warmup_prefix=prefix,
    )
    stays(ours, total)  # timm's jumps to lr_min


@swept
@given(lengths, st.floats(0.1, 1.0), warmups, starts, st.booleans())
def test_step(every, rate, warmup, start, prefix):
    check(
        "StepLRScheduler",
        3 * every + warmup,
        decay_t=every,
        decay_rate=rate,
        warmup_t=warmup,
        warmup_lr_init=start,
        warmup_prefix=prefix,
    )


@swept
@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=5),
    st.floats(0.1, 1.0),
    warmups,
    starts,
    st.booleans(),
)
def test_multi_step(milestones, rate, warmup, start, prefix):
    # As above: timm's first value is the optimizer's own.
    check(
        "MultiStepLRScheduler",
        60 + warmup,
        skip=[0] if not warmup else [],
        decay_t=sorted(milestones),
        decay_rate=rate,
        warmup_t=warmup,
        warmup_lr_init=start,
        warmup_prefix=prefix,
    )


@swept
@given(
    lengths,
    lengths,
    st.sampled_from(["linear", "1-sqrt", "cosine", "power"]),
    st.sampled_from(["constant", "rsqrt"]),
    floors,
    st.integers(1, 20),
    starts,
    st.floats(0.3, 3.0),
)
def test_wsd(stable, decay, shape, plateau, low, warmup, start, power):
    ours = check(
        "WSDLRScheduler",
        stable + decay + warmup + 6,
        t_initial=stable + decay,
        decay_t=decay,
        decay_fn=shape,
        decay_power=power,
        stable_fn=plateau,
        lr_min=low if plateau == "constant" else 0.0,
        warmup_t=warmup,
        warmup_lr_init=start,
    )
    stays(ours, stable + decay + warmup)


def test_what_is_not_had():
    with pytest.raises(InvalidInput, match=r"write .noise\(std, limit=noise_pct\)"):
        peers.timm.CosineLRScheduler(100, noise_range_t=50)
    with pytest.raises(InvalidInput, match=r"rules=Plateau\("):
        peers.timm.PlateauLRScheduler()
    with pytest.raises(InvalidInput, match="decay_fn is 'linear', '1-sqrt', 'cosine' or 'power'"):
        peers.timm.WSDLRScheduler(100, 20, decay_fn="exp")
    with pytest.raises(InvalidInput, match="'rsqrt' with lr_min=0"):
        peers.timm.WSDLRScheduler(100, 20, 0.01, "rsqrt", lr=0.1)
    with pytest.raises(InvalidInput, match=r"whole number of steps as t_initial·cycle_mul\^i"):
        peers.timm.CosineLRScheduler(15, 0.01, 1.5, 0.5, 3, lr=0.1)
