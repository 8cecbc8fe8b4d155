"""Whose fit it is: interrupted ones, nested ones, and an optimizer that goes on to another model."""

import threading

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, ones, unit_gradient
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.rate.running import is_fitting
from keras_lr.schedules import Constant, Linear

BATCHES = 6
X, Y = ones(BATCHES)


def sgd(**arguments):
    return keras.optimizers.SGD(0.5, momentum=0.9, **arguments)


class Raise(keras.callbacks.Callback):
    """Interrupts the fit at its third batch."""

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise KeyboardInterrupt


class At(keras.callbacks.Callback):
    """Does something after a batch."""

    def __init__(self, batch, act):
        super().__init__()
        self.batch, self.act = batch, act

    def on_train_batch_end(self, batch, logs=None):
        if batch == self.batch:
            self.act(self.model)


def interrupted(callback, optimizer=None):
    model = unit_gradient(sgd() if optimizer is None else optimizer)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, verbose=0, callbacks=[callback, Raise()])
    return model


def another(optimizer, layer):
    """Another model with the same weight and optimizer."""
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(optimizer, loss=lambda y, y_pred: y_pred - y)
    return model


def is_plain(optimizer):
    return "apply" not in vars(optimizer) and isinstance(optimizer._learning_rate, keras.Variable)


def follows(moved, momentum, rate=0.5):
    np.testing.assert_allclose(moved[1:], momentum * moved[:-1] + rate, rtol=1e-4)


@pytest.fixture(params=["rate", "momentum", "both"])
def callback(request):
    schedule = None if request.param == "momentum" else Linear(1.0, 0.1)
    return LearningRate(schedule, momentum=None if request.param == "rate" else 0.2)


class TestAfterAnInterruption:
    @pytest.mark.parametrize("gone", [False, True])
    def test_another_model_trains_plainly(self, callback, gone):
        first = interrupted(callback)
        optimizer, layer = first.optimizer, first.layers[0]
        if gone:
            callback.set_model(None)
            del first
        model = another(optimizer, layer)
        follows(applied_rates(model, X, Y, batch_size=2), 0.9)
        assert is_plain(optimizer)

    def test_another_model_has_a_schedule_of_its_own(self, callback):
        first = interrupted(callback)
        model = another(first.optimizer, first.layers[0])
        mine = LearningRate(Constant(0.5), momentum=0.7)
        follows(applied_rates(model, X, Y, batch_size=2, callbacks=[mine]), 0.7, rate=0.25)
        assert is_plain(first.optimizer)
        follows(applied_rates(model, X, Y, batch_size=2), 0.9)

    def test_an_optimizer_that_was_built_with_a_schedule(self):
        own = keras.optimizers.schedules.PiecewiseConstantDecay([100], [0.5, 0.1])
        callback = LearningRate(rules=[keras_lr.rules.Plateau("loss")])
        first = interrupted(callback, keras.optimizers.SGD(own))
        assert first.optimizer._learning_rate is not own
        model = another(first.optimizer, first.layers[0])
        np.testing.assert_allclose(applied_rates(model, X, Y, batch_size=2), 0.5, rtol=1e-4)
        assert model.optimizer._learning_rate is own
        assert [v.name for v in model.optimizer.variables] == ["iteration"]

    def test_a_loop_of_ones_own_is_plain(self, callback):
        model = interrupted(callback)
        optimizer, moved = model.optimizer, []
        for _ in range(4):
            before = float(model.get_weights()[0][0, 0])
            optimizer.apply([keras.ops.ones((1, 1))])
            moved.append(before - float(model.get_weights()[0][0, 0]))
        follows(np.array(moved), 0.9)
        assert is_plain(optimizer)

    def test_what_is_read_of_the_optimizer_is_plain(self, callback):
        optimizer = interrupted(callback).optimizer
        assert keras_lr.get_learning_rate(optimizer) == 0.5
        assert is_plain(optimizer)

    def test_a_fit_that_raised_before_its_first_epoch(self, callback):
        class Refuse(keras.callbacks.Callback):
            def on_train_begin(self, logs=None):
                raise RuntimeError("no")

        model = unit_gradient(sgd())
        with pytest.raises(RuntimeError, match="no"):
            model.fit(X, Y, verbose=0, callbacks=[callback, Refuse()])
        follows(applied_rates(model, X, Y, batch_size=2), 0.9)
        assert is_plain(model.optimizer)
        assert "make_train_function" not in vars(model)

    def test_a_fit_without_epochs(self, callback):
        model = unit_gradient(sgd())
        model.fit(X, Y, epochs=3, initial_epoch=3, verbose=0, callbacks=[callback])
        assert callback.record.ending is None
        assert is_plain(model.optimizer)


class TestInARunningFit:
    def test_train_on_batch_in_a_callback_leaves_the_schedule(self):
        model = unit_gradient(keras.optimizers.SGD(0.5))
        extra = At(3, lambda model: model.train_on_batch(X[:2], Y[:2]))
        callback = LearningRate(lambda step: 1.0 / (1.0 + step))
        rates = applied_rates(model, X, Y, batch_size=2, callbacks=[extra, callback])
        expected = 0.5 / (1.0 + np.arange(BATCHES + 1))
        np.testing.assert_allclose(rates[:3], expected[:3], rtol=1e-4)
        # The extra one counts, as every update does.
        np.testing.assert_allclose(rates[4:], expected[5:], rtol=1e-4)

    @pytest.mark.parametrize("inner", [None, LearningRate(Constant(0.5))])
    def test_a_nested_fit_of_another_model(self, inner):
        """Neither is taken for the other, and one that was interrupted is known to be over."""
        second = interrupted(LearningRate(Linear(1.0, 0.1)), keras.optimizers.SGD(0.25))
        seen = []

        def nested(_):
            assert not is_fitting(second)
            callbacks = [] if inner is None else [inner]
            seen.extend(applied_rates(second, X, Y, batch_size=2, callbacks=callbacks))
            assert keras_lr.get_learning_rate(second) == 0.25
            assert isinstance(second.optimizer._learning_rate, keras.Variable)

        first = unit_gradient(keras.optimizers.SGD(0.5))
        schedule = Linear(1.0, 0.2)
        rates = applied_rates(
            first, X, Y, batch_size=2, callbacks=[LearningRate(schedule), At(2, nested)]
        )
        expected = 0.5 * schedule.resolve(steps=BATCHES)(np.arange(BATCHES))
        np.testing.assert_allclose(rates, expected, rtol=1e-4)
        np.testing.assert_allclose(seen, 0.25 if inner is None else 0.125, rtol=1e-4)

    def test_one_optimizer_in_two_fits_is_refused(self):
        def nested(first):
            second = another(first.optimizer, first.layers[0])
            second.fit(X, Y, verbose=0, callbacks=[LearningRate(Constant())])

        model = unit_gradient(sgd())
        with pytest.raises(InvalidInput, match="optimizer of its own"):
            model.fit(
                X, Y, verbose=0, batch_size=2, callbacks=[LearningRate(Constant()), At(2, nested)]
            )

    def test_another_thread_sees_it(self):
        model, seen = unit_gradient(sgd()), []

        def look(model):
            thread = threading.Thread(target=lambda: seen.append(is_fitting(model)))
            thread.start()
            thread.join()

        model.fit(X, Y, batch_size=2, verbose=0, callbacks=[At(2, look)])
        assert seen == [True]
        look(model)
        assert seen == [True, False]

    def test_a_model_that_is_gone_is_not_fitted(self):
        class Estimator:
            def fit(self):
                return is_fitting(None), is_fitting(self)

        def fit():
            return is_fitting(None)

        assert Estimator().fit() == (False, True)
        assert not fit()


def test_an_optimizer_s_own_apply_is_kept():
    model, calls = unit_gradient(sgd()), []
    plain = model.optimizer.apply

    def own(*args, **kwargs):
        calls.append(1)
        return plain(*args, **kwargs)

    model.optimizer.apply = own
    callback = LearningRate(momentum=0.2)
    follows(applied_rates(model, X, Y, batch_size=2, callbacks=[callback]), 0.2)
    assert calls
    assert model.optimizer.apply is own
