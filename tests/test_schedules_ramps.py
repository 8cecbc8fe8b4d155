"""Every shape of a warmup and of a cooldown, against the formula that its docstring gives."""

import numpy as np
import pytest
from keras import ops

from keras_lr.schedules import Constant, Exponential, Linear
from keras_lr.schedules.arithmetic import COOLDOWNS, WARMUPS
from schedule_cases import array

STEPS = np.arange(0, 60)
START, LENGTH = 7, 40  # of the cooldowns; the warmups begin at step 0

# Of p, the share that is done; written as in the docstrings, without what spares float32 its
# cancellations.
FALLS = {
    "linear": lambda p: 1 - p,
    "cosine": lambda p: (1 + np.cos(np.pi * p)) / 2,
    "1-sqrt": lambda p: 1 - np.sqrt(p),
    "1-square": lambda p: 1 - p**2,
    "exponential": lambda p: 2 * 0.5**p - 1,
}
RISES = {
    "linear": lambda p: p,
    "cosine": lambda p: (1 - np.cos(np.pi * p)) / 2,
    "1-sqrt": lambda p: 1 - np.sqrt(1 - p),
    "log": lambda p: np.log(1 + p * LENGTH) / np.log(1 + LENGTH),
}


def assert_equals(schedule, expected):
    np.testing.assert_allclose(schedule(STEPS), expected, rtol=1e-12, atol=1e-15)
    tensor = schedule(ops.convert_to_tensor(STEPS.astype("int32"), "int32"))
    np.testing.assert_allclose(array(tensor), expected, rtol=2e-6, atol=1e-9)


def test_every_shape_has_its_formula_here():
    assert set(FALLS) == set(COOLDOWNS)
    assert set(RISES) == set(WARMUPS)


@pytest.mark.parametrize("shape", FALLS)
@pytest.mark.parametrize("end", [0.0, 0.1, 1.0])
def test_a_cooldown_is_its_formula_lifted_to_its_end(shape, end):
    fall = FALLS[shape](np.clip((STEPS - START) / LENGTH, 0, 1))
    lifted = end + (1 - end) * fall
    assert_equals(Constant().cooldown(LENGTH, shape, end=end, start=START), lifted)
    inner = Exponential(0.3, every=20)
    assert_equals(inner.cooldown(LENGTH, shape, end=end, start=START), 0.3 ** (STEPS / 20) * lifted)


@pytest.mark.parametrize("shape", RISES)
@pytest.mark.parametrize("power", [0.4, 1.0, 2.0, 2.7])
@pytest.mark.parametrize("start", [0.0, 0.2])
def test_a_warmup_is_its_formula_to_its_power(shape, power, start):
    rise = start + (1 - start) * RISES[shape](np.clip(STEPS / LENGTH, 0, 1)) ** power
    assert_equals(Constant().warmup(LENGTH, shape, power=power, start=start), rise)
    after = 0.8 - 0.6 * np.clip((STEPS - LENGTH) / 15, 0, 1)
    inner = Linear(0.8, 0.2, length=15)
    assert_equals(inner.warmup(LENGTH, shape, power=power, start=start), rise * after)
