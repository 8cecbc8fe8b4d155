"""One cycle: torch's two phases and three, and where its own would fail."""

import math

import keras
import numpy as np
import pytest

from keras_lr.schedules import Mark, OneCycle


def one_cycle_of_torch(total, start, end, peak, cosine):
    """torch's OneCycleLR at max_lr=1, written again from its documentation."""
    values = []
    top, last = peak * total - 1, total - 1
    for step in range(total):
        low, high, share = (
            (start, 1.0, step / top) if step <= top else (1.0, end, (step - top) / (last - top))
        )
        if cosine:
            values.append(high + (low - high) / 2.0 * (1 + math.cos(math.pi * share)))
        else:
            values.append(low + (high - low) * share)
    return values


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize(("total", "peak"), [(100, 0.3), (37, 0.45), (10, 0.9)])
def test_one_cycle_is_torchs(shape, total, peak):
    schedule = OneCycle(peak=peak, shape=shape, length=total)
    expected = one_cycle_of_torch(total, 0.04, 4e-6, peak, shape == "cosine")
    np.testing.assert_allclose(schedule(range(total)), expected, rtol=1e-9, atol=1e-12)
    assert schedule(total - 1) == schedule(10 * total) == 4e-6


def three_phases_of_torch(total, start, end, peak, cosine):
    """torch's OneCycleLR(three_phase=True) at max_lr=1, from its documentation."""
    top = peak * total - 1
    phases = [(top, start, 1.0), (2 * top, 1.0, start), (total - 1, start, end)]
    values = []
    for step in range(total):
        begin = 0.0
        for stop, first, last in phases:
            if step <= stop or stop == total - 1:
                share = (step - begin) / (stop - begin)
                share = (1 - math.cos(math.pi * share)) / 2 if cosine else share
                values.append(first + (last - first) * share)
                break
            begin = stop
    return values


@pytest.mark.parametrize("shape", ["cosine", "linear"])
@pytest.mark.parametrize(("total", "peak"), [(100, 0.3), (37, 0.45), (10, 0.5), (13, 0.2)])
def test_three_phases_are_torchs(shape, total, peak):
    schedule = OneCycle(peak=peak, phases=3, shape=shape, length=total)
    expected = three_phases_of_torch(total, 0.04, 4e-6, peak, shape == "cosine")
    np.testing.assert_allclose(schedule(range(total)), expected, rtol=1e-9, atol=1e-12)
    assert schedule(total - 1) == schedule(10 * total) == 4e-6


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="compares with torch itself")
@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_one_cycle_equals_torch_itself(shape, phases):
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        1.0,
        total_steps=60,
        three_phase=phases == 3,
        anneal_strategy=shape[:6].replace("cosine", "cos"),
    )
    rates = []
    for _ in range(60):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(rates) < 60:
            scheduler.step()
    schedule = OneCycle(shape=shape, phases=phases, length=60)
    np.testing.assert_allclose(schedule(range(60)), rates, rtol=1e-9)


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 10, 11])
@pytest.mark.parametrize("peak", [0.05, 0.1, 0.3, 0.5])
def test_short_cycles_neither_divide_by_zero_nor_rebound(phases, length, peak):
    """torch divides by zero at peak=0.1 of 10 steps, and rises again after its last step."""
    schedule = OneCycle(0.5, 0.01, peak=peak, phases=phases, length=length)
    values = schedule(range(length + 5))
    assert np.isfinite(values).all()
    assert (values[length - 1 :] == 0.01).all()
    assert values.max() <= 1
    top = peak * length - 1
    for mark in schedule.marks():
        assert abs(mark.step - (top if mark.label == "peak" else 2 * top)) <= 0.5


def test_its_marks_are_its_turns():
    schedule = OneCycle(peak=0.3, phases=3, length=100)
    assert schedule.marks() == [Mark(29, "peak"), Mark(58, "last phase")]
    assert schedule(29) == 1.0
    assert schedule(58) == 0.04
    assert OneCycle(peak=0.3, length=100).marks() == [Mark(29, "peak")]
