"""Weight decay that is held where it is, whatever the rate does."""

import keras
import numpy as np
import pytest

from helpers import ones
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRate, LearningRateScheduler
from keras_lr.errors import InvalidInput

BATCHES, BASE, DECAY = 6, 0.5, 0.25
LINE = schedules.Linear(1.0, 0.0)  # its last factor is 0
HELD = 1 - DECAY * BASE


def model_of(optimizer, **compile_arguments):
    """One weight of 1 that has no gradient, so that nothing but the decay moves it."""
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="one")
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(optimizer, loss=lambda y, y_pred: 0.0 * y_pred, **compile_arguments)
    return model


class Weights(keras.callbacks.Callback):
    """The weight after each batch."""

    def __init__(self):
        super().__init__()
        self.after = []

    def on_train_batch_end(self, batch, logs=None):
        value = keras.ops.convert_to_numpy(self.model.trainable_variables[0])
        self.after.append(float(value.ravel()[0]))


def shrinks(model, *callbacks, epochs=1):
    """What each batch multiplied the weight by."""
    x, y = ones(BATCHES)
    watch = Weights()
    before = float(keras.ops.convert_to_numpy(model.trainable_variables[0]).ravel()[0])
    given = [*callbacks, watch]
    model.fit(x, y, batch_size=2, epochs=epochs, verbose=0, callbacks=given)
    weights = np.array([before, *watch.after])
    return weights[1:] / weights[:-1]


def held(schedule=LINE, **arguments):
    return LearningRate(schedule, independent_weight_decay=True, **arguments)


def factors(updates):
    return LINE.resolve(steps=updates)(np.arange(updates))


STOCK = {
    "sgd": lambda **a: keras.optimizers.SGD(BASE, momentum=0.9, **a),
    "adam": lambda **a: keras.optimizers.Adam(BASE, **a),
    "adamw": lambda **a: keras.optimizers.AdamW(BASE, **a),
    "lion": lambda **a: keras.optimizers.Lion(BASE, **a),
}


@pytest.mark.parametrize("name", STOCK)
def test_the_decay_stays_while_the_rate_falls_to_0(name):
    coupled = shrinks(model_of(STOCK[name](weight_decay=DECAY)), LearningRate(LINE))
    np.testing.assert_allclose(coupled, 1 - DECAY * BASE * factors(BATCHES), rtol=1e-5)
    alone = shrinks(model_of(STOCK[name](weight_decay=DECAY)), held())
    np.testing.assert_allclose(alone, HELD, rtol=1e-5)


def test_the_update_itself_uses_the_rate():
    model = model_of(keras.optimizers.SGD(BASE, weight_decay=DECAY))
    model.compile(model.optimizer, loss=lambda y, y_pred: y_pred - y)
    x, y = ones(BATCHES)
    watch = Weights()
    model.fit(x, y, batch_size=2, verbose=0, callbacks=[held(), watch])
    weight, expected = 1.0, []
    for factor in factors(BATCHES):
        weight = weight * HELD - BASE * factor
        expected.append(weight)
    np.testing.assert_allclose(watch.after, expected, rtol=1e-4)


def test_under_cuts_and_in_the_fits_that_follow():
    class Flat(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["loss"] = 1.0

    model = model_of(STOCK["sgd"](weight_decay=DECAY))
    control = held(None, rules=[rules.Plateau("loss", patience=1, factor=0.5)])
    for _ in range(2):
        found = shrinks(model, Flat(), control, epochs=3)
        np.testing.assert_allclose(found, HELD, rtol=1e-5)
    rate = float(model.optimizer.learning_rate.numpy())
    assert rate == BASE * 0.5**5
    assert "_apply_weight_decay" not in vars(model.optimizer)
    np.testing.assert_allclose(shrinks(model), 1 - DECAY * rate, rtol=1e-5)  # plain Keras again


def test_beside_a_scheduler():
    model = model_of(STOCK["sgd"](weight_decay=DECAY))
    callbacks = [held(None), LearningRateScheduler(lambda epoch: BASE * 0.1**epoch)]
    np.testing.assert_allclose(shrinks(model, *callbacks, epochs=2), HELD, rtol=1e-5)


def test_a_schedule_of_the_decay_itself():
    model = model_of(STOCK["adamw"](weight_decay=DECAY))
    control = held(weight_decay=LINE.between(0.0, DECAY))
    expected = 1 - DECAY * BASE * factors(BATCHES)
    np.testing.assert_allclose(shrinks(model, control), expected, rtol=1e-5)


def test_gradient_accumulation():
    model = model_of(STOCK["sgd"](weight_decay=DECAY, gradient_accumulation_steps=2))
    found = shrinks(model, held()).reshape(-1, 2)
    np.testing.assert_allclose(found, [[1.0, HELD]] * 3, rtol=1e-5)


@pytest.mark.parametrize("jit", ["auto", False])
def test_loss_scale(jit):
    inner = STOCK["sgd"](weight_decay=DECAY)
    scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    found = shrinks(model_of(scaled, jit_compile=jit), held())
    np.testing.assert_allclose(found, HELD, rtol=1e-5)


def test_members_hold_their_own_and_exclusions_stay():
    first = keras.optimizers.SGD(BASE, weight_decay=DECAY, name="first")
    second = keras.optimizers.SGD(0.25, weight_decay=DECAY, name="second")
    third = keras.optimizers.SGD(0.25, name="third")
    second.exclude_from_weight_decay(var_names=["bias"])
    layers = [
        keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="one"),
        keras.layers.Dense(1, kernel_initializer="ones", bias_initializer="ones", name="two"),
        keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", name="three"),
    ]
    chosen = {"one": first, "two": second, "three": third}
    model = keras.Sequential([keras.Input((1,)), *layers])
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: chosen[v.path.split("/")[-2]]),
        loss=lambda y, y_pred: 0.0 * y_pred,
    )
    x, y = ones(BATCHES)
    model.fit(x, y, batch_size=2, verbose=0, callbacks=[held()])
    one, two, bias, three = (float(v.numpy().ravel()[0]) for v in model.trainable_variables)
    np.testing.assert_allclose(
        [one, two, bias, three], [HELD**6, (1 - 0.25 * DECAY) ** 6, 1.0, 1.0], rtol=1e-5
    )


def test_after_an_interruption():
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model = model_of(STOCK["sgd"](weight_decay=DECAY))
    with pytest.raises(KeyboardInterrupt):
        shrinks(model, held(schedules.Constant(0.5)), Stop())
    np.testing.assert_allclose(shrinks(model), HELD, rtol=1e-5)
    assert "_apply_weight_decay" not in vars(model.optimizer)


@pytest.mark.parametrize(
    ("optimizer", "schedule", "match"),
    [
        (lambda: keras.optimizers.SGD(BASE), LINE, r"no weight decay.*SGD\(\.\.\., weight_decay"),
        (
            lambda: keras.optimizers.SGD(
                keras.optimizers.schedules.ExponentialDecay(BASE, 1, 0.5), weight_decay=DECAY
            ),
            None,
            "built with a schedule. Compile it with a number",
        ),
        (
            lambda: keras.optimizers.SGD(BASE, weight_decay=DECAY),
            LINE.rate(0.1),
            "Write the schedule as a factor",
        ),
    ],
    ids=["no decay", "own schedule", "rates"],
)
def test_what_cannot_be_held_is_refused(optimizer, schedule, match):
    model = model_of(optimizer())
    with pytest.raises(InvalidInput, match=match):
        shrinks(model, held(schedule))
    assert float(model.trainable_variables[0].numpy().ravel()[0]) == 1.0


@pytest.mark.parametrize("wrong", ["no", None, 1])
def test_it_is_held_or_not(wrong):
    with pytest.raises(InvalidInput, match="is True or False"):
        LearningRate(independent_weight_decay=wrong)
