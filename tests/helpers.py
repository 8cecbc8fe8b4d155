"""Small models and data that the tests share."""

import os
import signal
import sys
import traceback

import numpy as np


def data(samples=64, features=4, classes=3, seed=0):
    """Learnable data: the class is the argmax of a fixed linear map."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(samples, features)).astype("float32")
    y = (x @ random.normal(size=(features, classes))).argmax(1)
    return x, y


def classifier(optimizer="sgd", *, features=4, classes=3, hidden=8, **compile_arguments):
    """A compiled dense classifier."""
    import keras

    model = keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(hidden, activation="relu"),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )
    compile_arguments.setdefault("loss", "sparse_categorical_crossentropy")
    model.compile(optimizer=optimizer, **compile_arguments)
    return model


def applied_rates(model, x, y, **fit):
    """The rate of every update, measured from what it did to a weight.

    The model is linear with a constant gradient of 1 for its only weight, so that an SGD update
    moves the weight by exactly the rate.
    """
    import keras

    moved = []

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.last = self.weight()

        def weight(self):
            return float(keras.ops.convert_to_numpy(self.model.trainable_variables[0])[0, 0])

        def on_train_batch_end(self, batch, logs=None):
            now = self.weight()
            moved.append(self.last - now)
            self.last = now

    fit["callbacks"] = [*fit.get("callbacks", []), Watch()]
    model.fit(x, y, verbose=0, **fit)
    return np.array(moved)


def unit_gradient(optimizer, **compile_arguments):
    """A compiled model whose loss has gradient 1 in its only weight, with data for `batches`."""
    import keras

    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(optimizer=optimizer, loss=lambda y, y_pred: y_pred - y, **compile_arguments)
    return model


def ones(batches, batch_size=2):
    """Data of `batches` batches for `unit_gradient`."""
    x = np.ones((batches * batch_size, 1), "float32")
    return x, np.zeros_like(x)


def forked(work, limit=0):
    """A process that parts here, does `work` and ends; its id.

    After `limit` seconds it ends all the same (0: never).
    """
    pid = os.fork()
    if pid == 0:
        signal.alarm(limit)
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return pid
