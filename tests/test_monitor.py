"""`LearningRateMonitor`: what reached the update, in the logs."""

import keras
import numpy as np
import pytest

from helpers import classifier, data, ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate, LearningRateMonitor
from keras_lr.errors import InvalidInput

COMPILES = keras.backend.backend() != "torch"


def fit(optimizer, *callbacks, epochs=2, batches=4):
    x, y = ones(batches)
    model = optimizer if isinstance(optimizer, keras.Model) else unit_gradient(optimizer)
    arguments = {"batch_size": 2, "epochs": epochs, "verbose": 0, "callbacks": list(callbacks)}
    history = dict(model.fit(x, y, **arguments).history)
    history.pop("loss")
    return {key: pytest.approx(value) for key, value in history.items()}


def test_momentum_weight_decay_and_batch_size():
    optimizer = keras.optimizers.SGD(0.5, momentum=0.75, weight_decay=0.25)
    assert fit(optimizer, LearningRateMonitor()) == {
        "learning_rate": [0.5] * 2,
        "momentum": [0.75] * 2,
        "weight_decay": [0.25] * 2,
        "batch_size": [2.0] * 2,
    }


def test_what_is_not_there_is_left_out():
    assert fit(keras.optimizers.SGD(0.5), LearningRateMonitor()) == {
        "learning_rate": [0.5] * 2,
        "batch_size": [2.0] * 2,
    }
    assert list(fit(keras.optimizers.SGD(0.5), LearningRateMonitor(settings=()))) == [
        "learning_rate"
    ]


def test_beta_1_is_the_momentum_of_adam():
    asked = LearningRateMonitor(("momentum", "beta_2", "rho"))
    assert fit(keras.optimizers.Adam(0.5, beta_1=0.75, beta_2=0.5), asked) == {
        "learning_rate": [0.5] * 2,
        "momentum": [0.75] * 2,
        "beta_2": [0.5] * 2,
    }


def test_an_update_takes_several_batches():
    optimizer = keras.optimizers.SGD(0.5, gradient_accumulation_steps=2)
    found = fit(optimizer, LearningRateMonitor("batch_size"))
    assert found["batch_size"] == [4.0] * 2


@pytest.mark.parametrize(("size", "told"), [(3, 3.0), (9, 4.0)])
def test_a_smaller_last_batch_does_not_count(size, told):
    arguments = {"batch_size": size, "verbose": 0, "callbacks": [LearningRateMonitor()]}
    history = unit_gradient(keras.optimizers.SGD(0.5)).fit(*ones(2), **arguments).history
    assert history["batch_size"] == [told]


@pytest.mark.parametrize("first", ["monitor", "control"])
def test_what_follows_a_schedule(first):
    callbacks = [
        LearningRateMonitor(),
        LearningRate(momentum=schedules.Piecewise([4], [0.5, 0.25])),
    ]
    if first == "control":
        callbacks.reverse()
    found = fit(keras.optimizers.SGD(0.5, momentum=0.75), *callbacks)
    assert found["momentum"] == [0.5, 0.25]


class Assign(keras.callbacks.Callback):
    """Assigns another momentum in the middle of the second epoch."""

    def on_train_batch_end(self, batch, logs=None):
        self.batches = getattr(self, "batches", 0) + 1
        if self.batches == 6:
            self.model.optimizer.momentum = 0.25


@pytest.mark.parametrize("before", [[], [LearningRate]])
def test_what_the_compiled_step_holds_is_told_and_not_the_attribute(before):
    optimizer = keras.optimizers.SGD(0.5, momentum=0.75)
    callbacks = [*(made() for made in before), LearningRateMonitor(), Assign()]
    if COMPILES:
        with pytest.warns(UserWarning, match="compiled anew, and it has effect from epoch 3 on"):
            found = fit(optimizer, *callbacks, epochs=3)
        assert found["momentum"] == [0.75, 0.75, 0.25]
    else:
        found = fit(optimizer, *callbacks, epochs=3)
        assert found["momentum"] == [0.75, 0.25, 0.25]


def test_a_second_fit_compiles_nothing_anew():
    model = unit_gradient(keras.optimizers.SGD(0.5, momentum=0.75))
    fit(model, LearningRateMonitor())
    step = model.train_function
    fit(model, LearningRateMonitor())
    assert model.train_function is step


def test_members():
    first = keras.optimizers.SGD(0.5, momentum=0.75, name="first")
    second = keras.optimizers.Adam(0.25, beta_1=0.5, name="second")
    model = classifier("sgd")
    model.compile(
        keras.optimizers.MultiOptimizer(lambda v: first if "kernel" in v.path else second),
        loss=model.loss,
    )
    x, y = data()
    history = model.fit(x, y, verbose=0, callbacks=[LearningRateMonitor()]).history
    history.pop("loss")
    assert history == {
        "learning_rate_first": [0.5],
        "learning_rate_second": [0.25],
        "momentum_first": [0.75],
        "momentum_second": [0.5],
        "batch_size": [32.0],
    }


def test_data_that_does_not_say_its_batch_size():
    def pairs():
        while True:
            yield np.ones((2, 1), "float32"), np.zeros((2, 1), "float32")

    model = unit_gradient(keras.optimizers.SGD(0.5))
    arguments = {
        "steps_per_epoch": 2,
        "verbose": 0,
        "shuffle": False,
        "callbacks": [LearningRateMonitor()],
    }
    assert "batch_size" not in model.fit(pairs(), **arguments).history


@pytest.mark.parametrize("wrong", [(1,), (None,), (("momentum",),), None, 3])
def test_settings_that_are_no_names(wrong):
    with pytest.raises(InvalidInput, match="settings are names"):
        LearningRateMonitor(wrong)
    if isinstance(wrong, int):
        with pytest.raises(InvalidInput, match="statistics are among"):
            LearningRateMonitor(statistics=wrong)


def test_a_setting_that_no_optimizer_has():
    model = classifier("sgd")
    x, y = data(8)
    with pytest.raises(InvalidInput, match=r"no 'momentumm' to log\. Did you mean 'momentum'"):
        model.fit(x, y, verbose=0, callbacks=[LearningRateMonitor("momentumm")])
    # What another optimizer has is left out, and what this one has is logged.
    logged = model.fit(x, y, verbose=0, callbacks=[LearningRateMonitor(("beta_2", "nesterov"))])
    assert "beta_2" not in logged.history
