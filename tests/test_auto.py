"""`LearningRate(rules="auto")`: laid out over the fit; what it cuts, and where it is idle."""

import keras
import numpy as np
import pytest

import oscillating
from keras_lr import LearningRate, rules, schedules
from keras_lr.errors import InvalidInput

EPOCHS, UPDATES = 20, 40  # of batches of 8
RUN = EPOCHS * UPDATES


def fitted(optimizer, schedule=None, callback=None, epochs=EPOCHS, **arguments):
    """A fit of 800 updates, without validation data."""
    x, y = oscillating.noisy()
    model = oscillating.linear(optimizer, **arguments)
    callback = callback or LearningRate(schedule, rules="auto")
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, shuffle=False, callbacks=[callback])
    return callback, model


def still(schedule, rate=1e-12):
    """A fit of 800 updates in which the loss stays what it is, so that `Slope` cuts all along."""
    x = np.ones((80, 8), "float32")
    model = oscillating.linear(keras.optimizers.SGD(rate))
    callback = LearningRate(schedule, rules="auto")
    model.fit(x, x[:, :1], batch_size=8, epochs=80, verbose=0, callbacks=[callback])
    return callback


def cuts(callback):
    return [event.step for event in callback.record.events if event.cause == "slope"]


def test_patience_is_a_share_of_the_run():
    assert rules.auto(15_000) == (rules.Slope("loss", window=20, every=100), rules.Divergence())
    callback, _ = fitted(oscillating.optimizer("sgd"))
    assert callback.rules == rules.auto(RUN)
    callback, _ = fitted(oscillating.optimizer("sgd"), epochs=2)
    assert callback.rules[0].every == 16  # not less: fewer batches are noise


def test_accumulated_batches_are_one_update():
    optimizer = keras.optimizers.SGD(0.01, gradient_accumulation_steps=4)
    x, y = oscillating.noisy()
    callback = LearningRate(rules="auto")
    model = oscillating.linear(optimizer)
    model.fit(x, y, batch_size=1, epochs=30, verbose=0, callbacks=[callback])
    assert callback.rules == rules.auto(30 * 320 // 4)


def test_a_rate_at_which_the_loss_stays_is_cut():
    callback, model = fitted(oscillating.optimizer("sgd"))
    found = cuts(callback)
    assert found
    assert min(found) >= 320
    base = float(oscillating.optimizer("sgd").learning_rate)
    left = float(model.optimizer.learning_rate)
    assert left == pytest.approx(base * 0.5 ** len(callback.record.events))


def test_a_rate_at_which_the_loss_falls_is_left_alone():
    callback, _ = fitted(oscillating.optimizer("sgd", high=False))
    assert not callback.record.events


def test_nothing_is_cut_in_a_cooldown():
    assert cuts(still(None)) == [320, 640]
    callback = still(schedules.Constant().cooldown("50%"))
    assert callback.rules[0].until in (RUN // 2 - 1, RUN // 2)
    assert cuts(callback) == [320]


@pytest.mark.parametrize("own", [False, True], ids=["schedule", "the optimizer's own"])
def test_it_is_idle_beside_a_long_decay(own):
    decay = keras.optimizers.schedules.CosineDecay(1e-12, RUN)
    callback = still(None, decay) if own else still(schedules.Cosine())
    assert callback.rules == rules.auto(RUN, until=0)
    assert not callback.record.events


def test_a_second_fit_is_laid_out_anew_and_keeps_what_was_cut():
    callback, model = fitted(oscillating.optimizer("sgd"))
    before, rate = len(cuts(callback)), float(model.optimizer.learning_rate)
    x, y = oscillating.noisy()
    model.fit(x, y, batch_size=8, epochs=75, verbose=0, callbacks=[callback])
    assert callback.rules == rules.auto(75 * UPDATES)
    left = float(model.optimizer.learning_rate)
    assert left == pytest.approx(rate * 0.5 ** (len(cuts(callback)) - before))
    assert callback.explain(0).reductions["slope"] == pytest.approx(0.5**before)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # as Keras sees the end
def test_data_without_a_length():
    x, y = oscillating.noisy()

    def endless():
        while True:
            yield x[:8], y[:8]

    callback = LearningRate(rules="auto")
    model = oscillating.linear("sgd")
    how = {"shuffle": False, "verbose": 0, "callbacks": [callback]}
    model.fit(endless(), steps_per_epoch=10, epochs=2, **how)
    assert callback.rules == rules.auto(20)
    model.fit(((x[:8], y[:8]) for _ in range(10)), **how)
    assert callback.rules == rules.auto()


def test_a_loss_that_is_no_number_is_rolled_back():
    callback, model = fitted(keras.optimizers.SGD(0.8))
    assert {event.cause for event in callback.record.events} >= {"divergence"}
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("until", [-1, 0.5, "10%"])
def test_a_slope_that_ends_nowhere_is_refused(until):
    with pytest.raises(InvalidInput, match="until"):
        rules.Slope(until=until)


def test_another_word_is_refused():
    with pytest.raises(InvalidInput, match=r'rules="auto"'):
        LearningRate(rules="automatic")
