"""Who assigned which rate, from which step on: in History, in the events and in `explain`."""

import copy

import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, ones, unit_gradient
from keras_lr import LearningRate
from keras_lr.callbacks import LearningRateMonitor, LearningRateScheduler

keras = pytest.importorskip("keras")
BATCHES = 4


class Assign(keras.callbacks.Callback):
    """Assigns a rate at the end of an epoch, or after a batch."""

    def __init__(self, value, epoch, batch=None, how="attribute"):
        super().__init__()
        self.value, self.at, self.how, self.epoch = value, (epoch, batch), how, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.at == (self.epoch, batch):
            self.assign()

    def on_epoch_end(self, epoch, logs=None):
        if self.at == (epoch, None):
            self.assign()

    def assign(self):
        if self.how == "attribute":
            self.model.optimizer.learning_rate = self.value
        else:
            keras_lr.set_learning_rate(self.model, self.value)


def run(callbacks, *, rate=0.5, epochs=3, **compiled):
    model = unit_gradient(keras.optimizers.SGD(rate), **compiled)
    x, y = ones(BATCHES)
    history = keras.callbacks.History()
    moved = applied_rates(model, x, y, batch_size=2, epochs=epochs, callbacks=[*callbacks, history])
    assert all("assign" not in vars(variable) for variable in model.optimizer.variables)
    return moved, history.history["learning_rate"]


@pytest.mark.parametrize("how", ["attribute", "function"])
@pytest.mark.parametrize("schedule", [None, "linear(1, 0.5, length=12)"])
@pytest.mark.parametrize("first", [True, False])
def test_at_the_end_of_an_epoch(schedule, how, first):
    control, assign = LearningRate(schedule), Assign(0.125, 1, how=how)
    moved, logged = run([assign, control] if first else [control, assign])
    assert moved[2 * BATCHES] == pytest.approx(0.125, rel=1e-3)
    np.testing.assert_allclose(logged, moved[BATCHES - 1 :: BATCHES], rtol=1e-3)
    (event,) = control.record.events
    factor = 0.25 if schedule is None else 0.125 / (0.5 * 2 / 3)  # of what the schedule makes of it
    assert (event.cause, event.step) == ("set", 2 * BATCHES)
    assert event.factor == pytest.approx(factor, rel=1e-4)
    assert event.reason == "Assign assigned it"
    for step, rate in enumerate(moved):
        assert control.explain(step).rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize("schedule", [None, "linear(1, 0.5, length=12)"])
def test_inside_an_epoch(schedule):
    control = LearningRate(schedule)
    moved, logged = run([Assign(0.25, 1, batch=1), Assign(0.125, 1, batch=2), control])
    np.testing.assert_allclose(logged, moved[BATCHES - 1 :: BATCHES], rtol=1e-3)
    assert [(event.step, event.epoch) for event in control.record.events] == [(6, 1), (7, 1)]
    for step, rate in enumerate(moved):
        assert control.explain(step).rate == pytest.approx(rate, rel=1e-3)


def test_the_monitor_logs_what_trained():
    moved, logged = run([Assign(0.125, 0), LearningRateMonitor()])
    np.testing.assert_allclose(logged, moved[BATCHES - 1 :: BATCHES], rtol=1e-3)
    assert logged == [0.5, 0.125, 0.125]


def test_so_does_the_scheduler():
    scheduler = LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    _, logged = run([Assign(4.0, 1), scheduler])
    np.testing.assert_allclose(logged, [0.5, 0.25, 0.5 / 3], rtol=1e-6)


def test_an_update_of_several_batches():
    model = unit_gradient(keras.optimizers.SGD(0.5, gradient_accumulation_steps=2))
    x, y = ones(8)
    control = LearningRate()
    fit = {"batch_size": 2, "epochs": 2, "callbacks": [Assign(0.25, 1, batch=2), control]}
    moved = applied_rates(model, x, y, **fit)[1::2]
    assert [event.step for event in control.record.events] == [5]
    for step, rate in enumerate(moved):
        assert control.explain(step).rate == pytest.approx(rate, rel=1e-3)


def test_a_copy_of_the_optimizer_is_nobody_s_affair():
    copies = []

    class Copy(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            variable = self.model.optimizer._learning_rate
            copies.append(copy.deepcopy(variable))
            copies[0].assign(0.0625)

    control = LearningRate()
    moved, _ = run([control, Copy()], epochs=2)
    assert (float(copies[0].numpy()), float(moved[-1])) == (0.0625, 0.5)
    assert control.record.events == []


def test_a_fit_that_was_interrupted_hears_no_more():
    model = unit_gradient(keras.optimizers.SGD(0.5))

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    x, y = ones(BATCHES)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=2, verbose=0, callbacks=[LearningRate(), Stop()])
    model.optimizer.learning_rate = 0.25
    assert float(model.optimizer.learning_rate.numpy()) == 0.25
    assert all("assign" not in vars(variable) for variable in model.optimizer.variables)
