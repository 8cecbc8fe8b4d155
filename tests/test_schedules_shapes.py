"""Values of the shapes against Keras and their formulas."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_lr.schedules import (
    Cosine,
    Exponential,
    Geometric,
    InverseSqrt,
    Linear,
    Piecewise,
    Polynomial,
    PolynomialRestarts,
    Power,
    Rex,
    Saturation,
    StepDecay,
    Tanh,
    TimeDecay,
)

STEPS = np.arange(0, 131)


def theirs(schedule):
    """The values of one of Keras's schedules, computed one by one."""
    return np.array([float(schedule(ops.convert_to_tensor(int(step)))) for step in STEPS[::7]])


def ours(schedule):
    return schedule(STEPS[::7])


keras_schedules = keras.optimizers.schedules


@pytest.mark.parametrize(
    ("schedule", "reference"),
    [
        (Cosine(end=0.1, length=100), keras_schedules.CosineDecay(1.0, 100, alpha=0.1)),
        (
            Cosine(end=0.1, length=100).warmup(20),
            keras_schedules.CosineDecay(0.0, 100, 0.1, warmup_target=1.0, warmup_steps=20),
        ),
        (Exponential(0.5, every=30), keras_schedules.ExponentialDecay(1.0, 30, 0.5)),
        (StepDecay(0.5, every=30), keras_schedules.ExponentialDecay(1.0, 30, 0.5, staircase=True)),
        (TimeDecay(0.01), keras_schedules.InverseTimeDecay(1.0, 1, 0.01)),
        (
            TimeDecay(0.3, per=25),
            keras_schedules.InverseTimeDecay(1.0, 25, 0.3, staircase=True),
        ),
        (
            Polynomial(end=0.1, power=2.0, length=100),
            keras_schedules.PolynomialDecay(1.0, 100, 0.1, power=2.0),
        ),
        (Linear(end=0.25, length=100), keras_schedules.PolynomialDecay(1.0, 100, 0.25)),
        (
            # Keras keeps the old value at the boundary itself.
            Piecewise([29, 71], [1.0, 0.5, 0.1]),
            keras_schedules.PiecewiseConstantDecay([28, 70], [1.0, 0.5, 0.1]),
        ),
    ],
    ids=lambda value: str(value) if not hasattr(value, "get_config") else "",
)
def test_shapes_equal_keras(schedule, reference):
    np.testing.assert_allclose(ours(schedule), theirs(reference), rtol=2e-5, atol=2e-7)


def test_step_decay_halves_every_ten_epochs():
    plan = StepDecay(0.5, "10 epochs").resolve(steps=250, steps_per_epoch=10)
    assert plan([0, 99, 100, 199, 200, 249]).tolist() == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_time_decay_per_epoch_stays_during_an_epoch():
    plan = TimeDecay(0.1, per="epoch").resolve(steps=40, steps_per_epoch=10)
    epochs = np.repeat(np.arange(4), 10)
    np.testing.assert_allclose(plan(range(40)), 1 / (1 + 0.1 * epochs))


@pytest.mark.parametrize("per_epoch", [2.5, 10 / 3, 7 / 16])
def test_epochs_of_a_fraction_of_an_update_do_not_drift(per_epoch):
    steps = np.arange(3000)
    plan = TimeDecay(1.0, per="epoch").resolve(steps=3000, steps_per_epoch=per_epoch)
    epochs = np.floor(steps / per_epoch + 1e-9)
    np.testing.assert_allclose(plan(steps), 1 / (1 + epochs), rtol=1e-12)
    tensor = plan(ops.convert_to_tensor(steps.astype("int32")))
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), 1 / (1 + epochs), rtol=1e-6)


P = np.minimum(STEPS / 100, 1)
T = np.arange(0, 131)


@pytest.mark.parametrize(
    ("schedule", "formula"),
    [
        (Cosine(end=0.1, power=2.5, length=100), 0.1 + 0.9 * ((1 + np.cos(np.pi * P)) / 2) ** 2.5),
        (InverseSqrt(30), np.sqrt(30 / (30 + T))),
        (InverseSqrt(20).warmup(20), np.minimum(T / 20, np.sqrt(20 / np.maximum(T, 20)))),
        (Rex(length=100), (1 - P) / (1 - P / 2)),
        (Rex(0.9, 0.2, beta=0.2, length=100), 0.2 + 0.7 * (1 - P) / (1 - P * 0.8)),
        (Rex(beta=1.0, length=100), 1 - P),
        (Tanh(length=100), (1 - np.tanh(-7 * (1 - P) + 3 * P)) / 2),
        (Tanh(0.9, 0.1, lower=-4, upper=2, length=100), 0.5 - 0.4 * np.tanh(-4 * (1 - P) + 2 * P)),
        (Power(3.0), np.minimum(1, 3.0 * np.maximum(T, 1) ** -0.51)),
        (Power(0.4, -1.5), 0.4 * np.maximum(T, 1) ** -1.5),
        (Power(1e30, -1e-3), np.ones(131)),
        (Geometric(1.0, 0.01, length=100), 0.01**P),
        (Geometric(1e-7, 10.0, length=100), 1e-7 * 1e8**P),
        (Saturation(1 / (1 - 0.999)), 1 - np.exp(-(T + 1) / 1000)),
    ],
    ids=str,
)
def test_shapes_equal_their_formulas(schedule, formula):
    np.testing.assert_allclose(schedule(T), formula, rtol=1e-12, atol=1e-15)
    tensor = ops.convert_to_numpy(schedule(ops.convert_to_tensor(T.astype("int32"), "int32")))
    np.testing.assert_allclose(tensor, formula, rtol=2e-6, atol=1e-9)


def test_a_polynomial_that_restarts_is_kerass_cycle():
    cycle = keras_schedules.PolynomialDecay(1.0, 30, 0.1, power=1.7, cycle=True)
    schedule = PolynomialRestarts(30, end=0.1, power=1.7)
    np.testing.assert_allclose(ours(schedule), theirs(cycle), rtol=2e-5, atol=2e-7)
    at_restarts = [0, 29, 30, 31, 59, 60, 61, 90, 91]
    expected = [float(cycle(ops.convert_to_tensor(step))) for step in at_restarts]
    np.testing.assert_allclose(schedule(at_restarts), expected, rtol=2e-5)


def test_a_tangent_stays_at_its_own_last_value():
    schedule = Tanh(end=0.1, length=10)
    assert schedule(10) == schedule(10**6) > 0.1


def test_saturation_times_a_schedule_is_the_exponential_warmup():
    plan = (Saturation(10) * Linear()).resolve(steps=100)
    steps = np.arange(100)
    np.testing.assert_allclose(plan(steps), (1 - np.exp(-(steps + 1) / 10)) * (1 - steps / 100))
    with pytest.raises(ValueError, match=r"Saturation\(timescale=1000\) \* schedule"):
        Linear().warmup(10, "exponential")
