"""Schedules whose values are rates, on optimizers whose own rate is 0."""

import keras
import numpy as np
import pytest

from helpers import applied_rates, ones, unit_gradient
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.schedules import Cosine

STEPS = 6
DECAY = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


@pytest.mark.parametrize("schedule", [DECAY, Cosine().rate(0.1)])
def test_an_optimizer_s_rate_of_zero_is_refused_before_training(schedule):
    model = unit_gradient(keras.optimizers.SGD(0.0))
    x, y = ones(STEPS)
    with pytest.raises(InvalidInput, match=r"learning_rate = 1\.0"):
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[LearningRate(schedule)])
    assert "make_train_function" not in vars(model)
    model.optimizer.learning_rate = 1.0
    callback = LearningRate(Cosine().rate(0.1))
    moved = applied_rates(model, x, y, batch_size=2, callbacks=[callback])
    expected = 0.1 * Cosine().resolve(steps=STEPS)(np.arange(STEPS))
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-7)


def test_an_optimizer_s_own_schedule_may_begin_at_zero():
    warming = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=5)
    model = unit_gradient(keras.optimizers.SGD(warming))
    callback = LearningRate(Cosine().rate(0.1))
    with pytest.warns(UserWarning, match="replaces it"):
        moved = applied_rates(model, *ones(STEPS), batch_size=2, callbacks=[callback])
    expected = 0.1 * Cosine().resolve(steps=STEPS)(np.arange(STEPS))
    np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-7)
    assert callback.explain(2).rate == pytest.approx(expected[2], rel=1e-5)
