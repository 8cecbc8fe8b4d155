"""`LearningRate(rules="auto")`: what it cuts, where it is idle, what else it may be."""

import keras
import numpy as np
import pytest

import oscillating
from keras_lr import LearningRate, rules, schedules
from keras_lr.errors import InvalidInput

EPOCHS, UPDATES = 20, 40  # at batches of 8


def fitted(optimizer, schedule=None, data=None):
    """A fit of 800 updates, without validation data."""
    x, y = oscillating.noisy() if data is None else data
    model = oscillating.linear(optimizer)
    callback = LearningRate(schedule, rules="auto")
    model.fit(x, y, batch_size=8, epochs=EPOCHS, verbose=0, shuffle=False, callbacks=[callback])
    return callback, model


def test_stands_for_rules():
    callback = LearningRate(rules="auto")
    assert callback.rules == rules.auto() == (rules.Oscillation("distance"), rules.Divergence())


def test_too_high_a_rate_is_cut():
    callback, model = fitted(oscillating.optimizer("sgd"))
    causes = [event.cause for event in callback.record.events]
    assert causes
    assert set(causes) == {"oscillation"}
    base = float(oscillating.optimizer("sgd").learning_rate)
    left = float(model.optimizer.learning_rate)
    assert left == pytest.approx(base * 0.5 ** len(causes))


def test_a_low_rate_is_left_alone():
    callback, _ = fitted(oscillating.optimizer("sgd", high=False))
    assert not callback.record.events


def test_nothing_is_cut_in_a_cooldown():
    cooled = schedules.Constant().cooldown("60%")
    callback, _ = fitted(oscillating.optimizer("sgd"), cooled)
    assert all(event.step <= 0.4 * EPOCHS * UPDATES for event in callback.record.events)
    without, _ = fitted(oscillating.optimizer("sgd"))
    assert any(event.step > 0.4 * EPOCHS * UPDATES for event in without.record.events)


def test_it_is_idle_beside_a_long_decay_without_a_warning():
    callback, _ = fitted(oscillating.optimizer("sgd"), schedules.Cosine())  # warnings are errors
    assert not callback.record.events


def test_a_loss_that_is_no_number_is_rolled_back():
    callback, model = fitted(keras.optimizers.SGD(0.8))
    assert {event.cause for event in callback.record.events} >= {"divergence"}
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_another_word_is_refused():
    with pytest.raises(InvalidInput, match=r'rules="auto"'):
        LearningRate(rules="automatic")
