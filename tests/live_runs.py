"""Short fits to watch, and what happens in them."""

import time

import keras
import numpy as np

import keras_lr
from keras_lr import rules


def built():
    """A model that trains in no time."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def fit(model, *callbacks, epochs=2, verbose=0, **arguments):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 4)).astype("float32")
    y = x @ np.ones((4, 1), "float32")
    return model.fit(
        x, y, batch_size=16, epochs=epochs, validation_data=(x, y), verbose=verbose,
        callbacks=list(callbacks), **arguments,
    )  # fmt: skip


class At(keras.callbacks.Callback):
    """Does something when an epoch begins."""

    def __init__(self, epoch, do):
        super().__init__()
        self.epoch, self.do = epoch, do

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            self.do()


def cutting():
    """A rule that cuts at the second epoch's end, whatever the loss does."""
    return keras_lr.LearningRate(rules=rules.Plateau("loss", patience=1, min_delta=0.9999))


def eventually(true, seconds=30):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
