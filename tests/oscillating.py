"""Problems that oscillate and problems that don't, and what a detector should have seen of them."""

import keras
import numpy as np

from keras_lr.rules import Observation


def noisy(samples=320, features=8, noise=1.0, seed=0):
    """A linear problem with noise: a high rate makes the weights jump about the solution."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(samples, features))
    y = x @ random.normal(size=(features, 1)) + noise * random.normal(size=(samples, 1))
    return x.astype("float32"), y.astype("float32")


def linear(optimizer, features=8, **compile_arguments):
    """A compiled linear model whose first weights are the same each time."""
    model = keras.Sequential(
        [
            keras.Input((features,)),
            keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=1)),
        ]
    )
    model.compile(optimizer, "mse", **compile_arguments)
    return model


def optimizer(name, high=True, **arguments):
    """An optimizer at a rate at which `linear` oscillates on `noisy`, or one far below."""
    made = {
        "sgd": lambda rate: keras.optimizers.SGD(rate, **arguments),
        "momentum": lambda rate: keras.optimizers.SGD(rate / 8, momentum=0.9, **arguments),
        "adam": lambda rate: keras.optimizers.Adam(rate, **arguments),
    }
    return made[name](0.15 if high else 1e-4)


class Weights(keras.callbacks.Callback):
    """The weights before the first update and after each batch."""

    def on_train_begin(self, logs=None):
        self.seen = [self._now()]

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self._now())

    def _now(self):
        return np.concatenate([w.ravel() for w in self.model.get_weights()]).astype(np.float64)


def expected_cuts(rule, rate, measured):
    """The cuts of `rule.update`, shown what was measured at each update from the second on.

    Args:
        rule: An `Oscillation`.
        rate: base × reduction at the start.
        measured: A function of the update and the update at which the phase began.

    Returns:
        Each cut's update and the rate after it.
    """
    state, cuts, began = rule.start(), [], 0
    for update in range(1, measured.updates):
        seen = Observation(update, 0, {rule.monitor: measured(update, began)}, rate)
        state, decision = rule.update(state, seen)
        if decision.factor < 1:
            rate *= decision.factor
            began = update
            cuts.append((update, rate))
    return cuts


class Distances:
    """‖θ − θ0‖² from the weights after each update."""

    def __init__(self, weights):
        self.weights = weights
        self.updates = len(weights) - 1

    def __call__(self, update, began):
        return float(np.sum((self.weights[update] - self.weights[began]) ** 2))


class Alignments:
    """The alignment of each update's gradient with the update before it, for `linear` and "mse"."""

    def __init__(self, weights, x, y, batch_size):
        self.weights, self.x, self.y, self.size = weights, x, y, batch_size
        self.updates = len(weights) - 1

    def gradient(self, update):
        at = update * self.size % len(self.x)
        x, y = self.x[at : at + self.size], self.y[at : at + self.size, 0]
        error = x @ self.weights[update][:-1] + self.weights[update][-1] - y
        return 2 / self.size * np.append(x.T @ error, error.sum())

    def __call__(self, update, began):
        gradient = self.gradient(update)
        moved = self.weights[update - 1] - self.weights[update]
        lengths = np.linalg.norm(gradient) * np.linalg.norm(moved)
        return float(gradient @ moved / lengths)


def cuts_of(callback):
    """Each cut's update and the rate after it."""
    return [(e.step, e.rate) for e in callback.record.events if e.cause.startswith("oscillation")]
