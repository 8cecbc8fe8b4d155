"""Runs with scheduled settings, and the same updates written out by hand."""

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr.schedules import OneCycle

TORCH = keras.backend.backend() == "torch"
BATCHES, EPOCHS = 6, 2
STEPS = BATCHES * EPOCHS
CYCLED = OneCycle(0, 0).between(0.95, 0.5)
WITH_BETA_2 = ("Adam", "AdamW", "Nadam", "Adamax", "Lion", "Lamb")

needs_multi = pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)


def values(schedule, steps=STEPS):
    return schedule.resolve(steps=steps)(np.arange(steps))


def by_hand(momenta, rates, *, decays=None, nesterov=False, start=0.0):
    """What SGD at gradient 1 moves a weight by at each step: Keras's rule, in float64."""
    velocity, weight, moved = 0.0, start, []
    decays = np.zeros(len(momenta)) if decays is None else decays
    for momentum, rate, decay in zip(momenta, rates, decays, strict=True):
        before = weight
        weight -= weight * decay * rate
        velocity = momentum * velocity - rate
        weight += momentum * velocity - rate if nesterov else velocity
        moved.append(before - weight)
    return np.array(moved)


def moved(optimizer, callback, *, epochs=EPOCHS, callbacks=(), fit=None, **compiled):
    model = unit_gradient(optimizer, **compiled)
    return applied_rates(
        model,
        *ones(BATCHES),
        batch_size=2,
        epochs=epochs,
        callbacks=[callback, *callbacks],
        **(fit or {}),
    )


def sgd(rate=0.5, momentum=0.9, **arguments):
    return keras.optimizers.SGD(rate, momentum=momentum, **arguments)
