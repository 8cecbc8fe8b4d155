"""What hurts when a rate is set or read: what Keras does, then what happens here. A test a row of
docs/keras.md."""

import keras
import numpy as np
import pytest

import keras_lr
from helpers import applied_rates, ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate, LearningRateScheduler
from keras_lr.errors import InvalidInput
from keras_lr.optimizers import SGD

BACKEND = keras.backend.backend()
COMPILES = BACKEND != "torch"
"""Whether a step is traced once and then keeps what it was traced with."""
BATCHES = 4
X, Y = ones(BATCHES)
Decay = keras.optimizers.schedules.ExponentialDecay


def rates(model, *callbacks, epochs=1, batches=BATCHES):
    """What reached the weights, one for each update."""
    x, y = ones(batches)
    fit = {"batch_size": 2, "epochs": epochs, "callbacks": list(callbacks)}
    return applied_rates(model, x, y, **fit)


def train(model):
    model.fit(X, Y, batch_size=2, verbose=0)


class At(keras.callbacks.Callback):
    """Calls functions at given epochs' begins."""

    def __init__(self, **functions):
        super().__init__()
        self.functions = functions

    def on_epoch_begin(self, epoch, logs=None):
        self.functions.get(f"epoch_{epoch}", lambda: None)()


def test_lr_argument():
    """`SGD(lr=.1)` is an error in Keras 3."""
    with pytest.raises(ValueError, match="not recognized"):
        keras.optimizers.SGD(lr=0.125)
    assert keras_lr.get_learning_rate(SGD(lr=0.125)) == 0.125


def test_decay_argument():
    """`SGD(.1, decay=.1)` warns in Keras and ignores the decay."""
    with pytest.warns(UserWarning, match="decay"):
        ignored = keras.optimizers.SGD(0.5, decay=1.0)
    np.testing.assert_allclose(rates(unit_gradient(ignored)), 0.5, rtol=1e-5)
    expected = 0.5 / (1 + np.arange(BATCHES))
    np.testing.assert_allclose(rates(unit_gradient(SGD(0.5, decay=1.0))), expected, rtol=1e-4)
    control = LearningRate(schedules.TimeDecay(1.0))
    model = unit_gradient(keras.optimizers.SGD(0.5))
    np.testing.assert_allclose(rates(model, control), expected, rtol=1e-4)


@pytest.mark.parametrize("value", [1, np.float32(1), keras.ops.convert_to_tensor(1.0)])
def test_a_rate_that_is_no_float(value):
    """int, `np.float32`, tensor as rate are errors in Keras."""
    with pytest.raises(ValueError, match="should be float"):
        keras.optimizers.SGD(value)
    assert keras_lr.get_learning_rate(SGD(value)) == 1.0
    model = unit_gradient(keras.optimizers.SGD(0.5))
    keras_lr.set_learning_rate(model, value)
    assert keras_lr.get_learning_rate(model) == 1.0


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none(value):
    """-1, NaN, inf as rate are taken by Keras."""
    model = unit_gradient(keras.optimizers.SGD(value))
    with pytest.raises(InvalidInput, match="learning_rate must be positive"):
        SGD(value)
    with pytest.raises(InvalidInput, match="learning_rate must be positive"):
        keras_lr.set_learning_rate(model, value)
    with pytest.raises(InvalidInput, match=r"which Keras takes and trains with.*Received"):
        rates(model, LearningRate())
    assert float(model.trainable_variables[0].numpy()[0, 0]) == 0.0  # nothing was trained


@pytest.mark.parametrize("wrapped", [False, True])
def test_optimizer_lr_assigned(wrapped):
    """`optimizer.lr = x` is a silent no-op in Keras 3."""
    inner = keras.optimizers.SGD(0.5)
    model = unit_gradient(keras.optimizers.LossScaleOptimizer(inner) if wrapped else inner)
    model.optimizer.lr = 0.125
    if not wrapped:
        np.testing.assert_allclose(rates(model), 0.5, rtol=1e-5)
    for ours in (LearningRate(), LearningRateScheduler(lambda epoch: 0.5)):
        with pytest.raises(InvalidInput, match=r"optimizer\.lr = 0\.125 does nothing.*set_learn"):
            rates(model, ours)
    del model.optimizer.lr
    keras_lr.set_learning_rate(model, 0.125)
    np.testing.assert_allclose(rates(model, LearningRate()), 0.125, rtol=1e-4)


def test_keras_2_s_name_read():
    """`K.get_value(model.optimizer.lr)` and `K.set_value` are errors in Keras 3."""
    model = unit_gradient(keras.optimizers.SGD(0.5))
    with pytest.raises(AttributeError):
        _ = model.optimizer.lr
    assert keras_lr.get_learning_rate(model) == 0.5


def test_optimizer_decay_assigned():
    """`optimizer.decay = x` is a silent no-op in Keras 3."""
    model = unit_gradient(keras.optimizers.SGD(0.5))
    model.optimizer.decay = 1.0
    np.testing.assert_allclose(rates(model), 0.5, rtol=1e-5)
    with pytest.raises(InvalidInput, match=r"does nothing in Keras 3.*TimeDecay\(1.0") as caught:
        rates(model, LearningRate())
    assert 'schedules.TimeDecay(1.0, per="update")' in str(caught.value)
    schedules.TimeDecay(1.0, per="update")  # the line that it says to write


def test_an_attribute_lr_of_ones_own_optimizer_is_its_own_affair():
    class Own(keras.optimizers.SGD):
        pass

    model = unit_gradient(Own(0.5))
    model.optimizer.lr = 0.125
    np.testing.assert_allclose(rates(model, LearningRate()), 0.5, rtol=1e-5)


def test_a_float_for_a_callable_rate():
    """Setting a float on a callable rate: `'function' object has no attribute 'assign'`."""
    model = unit_gradient(keras.optimizers.SGD(lambda: 0.5))
    with pytest.raises(AttributeError, match="assign"):
        model.optimizer.learning_rate = 0.125
    with pytest.raises(InvalidInput, match="replace_schedule=True"):
        keras_lr.set_learning_rate(model, 0.125)
    keras_lr.set_learning_rate(model, 0.125, replace_schedule=True)
    np.testing.assert_allclose(rates(model), 0.125, rtol=1e-5)


def test_a_callable_rate_that_changes():
    """A callable rate is frozen at trace on JAX and TensorFlow."""
    now = {"rate": 0.5}
    change = At(epoch_1=lambda: now.update(rate=0.25))
    frozen = rates(unit_gradient(keras.optimizers.SGD(lambda: now["rate"])), change, epochs=3)
    expected = [0.5] * 12 if COMPILES else [0.5] * 4 + [0.25] * 8
    np.testing.assert_allclose(frozen, expected, rtol=1e-4)
    now = {"rate": 0.5}
    model = unit_gradient(keras.optimizers.SGD(lambda: now["rate"]))
    if COMPILES:
        with pytest.warns(UserWarning, match="is a function, which is asked once"):
            moved = rates(model, change, LearningRate(), epochs=3)
    else:
        moved = rates(model, change, LearningRate(), epochs=3)
    np.testing.assert_allclose(moved, [0.5] * 4 + [0.25] * 8, rtol=1e-4)


def test_a_schedule_swapped_between_fits():
    """A schedule swapped between fits: Keras reports the new one and trains with the old."""

    def swapped(*callbacks):
        model = unit_gradient(keras.optimizers.SGD(Decay(0.5, 1, 1.0)))
        train(model)
        model.optimizer.learning_rate = Decay(0.25, 1, 1.0)
        assert keras_lr.get_learning_rate(model) == 0.25
        return rates(model, *callbacks)

    np.testing.assert_allclose(swapped(), 0.5 if COMPILES else 0.25, rtol=1e-4)
    np.testing.assert_allclose(swapped(LearningRate()), 0.25, rtol=1e-4)


def test_a_float_replaced_by_a_schedule_after_a_fit():
    """Float replaced by a schedule after a fit: TensorFlow trains at the old rate."""

    def replaced(*callbacks):
        model = unit_gradient(keras.optimizers.SGD(0.5))
        train(model)
        model.optimizer.learning_rate = Decay(0.25, 1, 1.0)
        return rates(model, *callbacks)

    if BACKEND == "tensorflow":
        np.testing.assert_allclose(replaced(), 0.5, rtol=1e-4)
    np.testing.assert_allclose(replaced(LearningRate()), 0.25, rtol=1e-4)


def momentum_of(moved):
    """The momentum behind each update of an SGD with a gradient of 1 and rate 0.125."""
    velocity = np.concatenate([[0.0], moved / 0.125])
    return (velocity[2:] - 1) / velocity[1:-1]


def test_momentum_changed_in_mid_run():
    """`optimizer.momentum` changed mid-run is baked in at trace on JAX and TensorFlow."""
    model = unit_gradient(keras.optimizers.SGD(0.125, momentum=0.5))
    change = At(epoch_1=lambda: setattr(model.optimizer, "momentum", 0.25))
    frozen = momentum_of(rates(model, change, epochs=2))
    np.testing.assert_allclose(frozen[3:], 0.5 if COMPILES else 0.25, rtol=1e-3)

    model = unit_gradient(keras.optimizers.SGD(0.125, momentum=0.5))
    if COMPILES:
        with pytest.warns(UserWarning, match=r"compiled anew.*LearningRate\(momentum=schedules"):
            moved = rates(model, change, LearningRate(), epochs=2)
    else:
        moved = rates(model, change, LearningRate(), epochs=2)
    np.testing.assert_allclose(momentum_of(moved)[3:], 0.25, rtol=1e-3)

    model = unit_gradient(keras.optimizers.SGD(0.125, momentum=0.5))
    control = LearningRate(momentum=schedules.Piecewise([4], [0.5, 0.25]))
    np.testing.assert_allclose(momentum_of(rates(model, control, epochs=2))[3:], 0.25, rtol=1e-3)


def test_weight_decay_changed_between_fits():
    """`optimizer.weight_decay` changed between fits is baked in at trace on JAX and TensorFlow."""

    def shrunk(*callbacks):
        model = unit_gradient(keras.optimizers.SGD(0.5, weight_decay=0.5))
        control = [LearningRate() for _ in callbacks]
        model.fit(X, Y, batch_size=2, verbose=0, callbacks=control)
        model.optimizer.weight_decay = 0.0
        return rates(model, *callbacks)

    if COMPILES:
        assert not np.allclose(shrunk(), 0.5, rtol=1e-3)
    np.testing.assert_allclose(shrunk(LearningRate()), 0.5, rtol=1e-3)


class Late(keras.callbacks.Callback):
    """Calls a function after the third batch."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            self.function()


def test_a_held_optimizer_in_mid_epoch():
    """JAX: a rate set through a held optimizer reference in mid-epoch is lost; reading raises."""

    def changed(change, *callbacks):
        optimizer = keras.optimizers.SGD(0.5)
        late = Late(lambda: change(optimizer))
        return rates(unit_gradient(optimizer), *callbacks, late, batches=6)

    by_keras = changed(lambda optimizer: setattr(optimizer, "learning_rate", 0.25))
    if BACKEND == "jax":
        np.testing.assert_allclose(by_keras, 0.5, rtol=1e-4)
    expected = [0.5] * 3 + [0.25] * 3
    scheduled = LearningRate(schedules.Constant(1.0))
    by_keras = changed(lambda optimizer: setattr(optimizer, "learning_rate", 0.25), scheduled)
    np.testing.assert_allclose(by_keras, expected, rtol=1e-4)

    def change(optimizer):
        assert keras_lr.get_learning_rate(optimizer) == 0.5
        keras_lr.set_learning_rate(optimizer, 0.25)

    np.testing.assert_allclose(changed(change), expected, rtol=1e-4)
    np.testing.assert_allclose(changed(change, LearningRate()), expected, rtol=1e-4)


def two_members(**names):
    first = keras.optimizers.SGD(0.5, name=names.get("first", "sgd"))
    second = keras.optimizers.SGD(0.25, name=names.get("second", "other"))
    model = keras.Sequential(
        [
            keras.Input((1,)),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="one"),
            keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="two"),
        ]
    )
    optimizers = keras.optimizers.MultiOptimizer(
        lambda variable: first if "one" in variable.path else second
    )
    if names.get("loss_scale"):
        optimizers = keras.optimizers.LossScaleOptimizer(optimizers, initial_scale=4.0)
    model.compile(optimizers, loss=lambda y, y_pred: y_pred - y)
    return model


@pytest.mark.parametrize("loss_scale", [False, True])
def test_the_rate_of_a_multi_optimizer(loss_scale):
    """`MultiOptimizer.learning_rate` is refused, also inside `LossScaleOptimizer`."""
    model = two_members(loss_scale=loss_scale)
    with pytest.raises(AttributeError):
        _ = model.optimizer.learning_rate
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.5, "other": 0.25}
    keras_lr.set_learning_rate(model, {"other": 0.125})
    assert keras_lr.get_learning_rate(model) == {"sgd": 0.5, "other": 0.125}


def test_members_of_the_same_name():
    """Same-named members of a `MultiOptimizer` share one log key."""
    model = two_members(second="sgd")
    kept = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    by_keras = model.fit(X, Y, batch_size=2, verbose=0, callbacks=[kept]).history
    assert [key for key in by_keras if "rate" in key] == ["learning_rate_sgd"]
    history = model.fit(X, Y, batch_size=2, verbose=0, callbacks=[LearningRate()]).history
    logged = {key: value for key, value in history.items() if "rate" in key}
    assert logged == {"learning_rate_sgd": [0.5], "learning_rate_sgd_2": [0.25]}
