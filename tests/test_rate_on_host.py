"""Where a schedule's value is computed: traced, on the device, or (torch on a CPU) as a number."""

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr.callbacks import LearningRate
from keras_lr.rate import followed
from keras_lr.schedules import Cosine

STEPS = 8

only_torch = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the other backends trace the schedule"
)


def rates(schedule, **optimizer):
    model = unit_gradient(keras.optimizers.SGD(0.5, **optimizer))
    return applied_rates(
        model, *ones(STEPS), batch_size=2, callbacks=[LearningRate(schedule=schedule)]
    )


class Asked:
    """A callable schedule that keeps what it was asked."""

    def __init__(self):
        self.steps = []

    def __call__(self, step):
        self.steps.append(step)
        return 1.0 - 0.1 * step


@only_torch
def test_a_cpu_computes_with_numbers():
    asked = Asked()
    np.testing.assert_allclose(rates(asked), 0.5 - 0.05 * np.arange(STEPS), rtol=1e-5)
    assert not any(keras.ops.is_tensor(step) for step in asked.steps)
    assert set(range(STEPS)) <= set(asked.steps)


@only_torch
def test_an_accelerator_computes_with_tensors(monkeypatch):
    """No look at `iterations` in the step, which Python would have to wait for."""
    monkeypatch.setattr(followed, "runs_on_host", lambda leaf: False)
    asked = Asked()
    np.testing.assert_allclose(rates(asked), 0.5 - 0.05 * np.arange(STEPS), rtol=1e-5)
    tensors = [step for step in asked.steps if keras.ops.is_tensor(step)]
    assert [int(step) for step in tensors] == list(range(STEPS))


@only_torch
def test_a_compiled_step_holds_tensors(monkeypatch):
    import torch

    leaf = keras.optimizers.SGD(0.5)
    assert followed.runs_on_host(leaf)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not followed.runs_on_host(leaf)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch computes with numbers")
def test_the_others_trace_it():
    asked = Asked()
    np.testing.assert_allclose(rates(asked), 0.5 - 0.05 * np.arange(STEPS), rtol=1e-5)
    assert 1 <= sum(keras.ops.is_tensor(step) for step in asked.steps) <= 2


@pytest.mark.parametrize("host", [True, False])
def test_accumulated_gradients_count_as_one_step(monkeypatch, host):
    if not host:
        monkeypatch.setattr(followed, "runs_on_host", lambda leaf: False)
    moved = rates(Cosine().warmup(1), gradient_accumulation_steps=2)
    expected = 0.5 * Cosine().warmup(1).resolve(steps=STEPS // 2)(np.arange(STEPS // 2))
    np.testing.assert_allclose(moved[1::2], expected, rtol=1e-5, atol=1e-7)
