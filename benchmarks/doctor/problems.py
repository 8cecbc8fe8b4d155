"""Small trainings on real data, all trials of one as lanes of one program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.engines import Job, TrialResult, TrialSpec, choose_engine

BATCH = 32


@dataclass(frozen=True)
class Problem:
    """Data and a net, with an optimizer.

    Args:
        name: What the table calls it.
        load: Inputs, targets, and classes (0 for a regression).
        hidden: Widths of the hidden layers.
        optimizer: `"momentum"` or `"adam"`.
        rates: The range in which its best rate lies.
    """

    name: str
    load: Callable[[], tuple[np.ndarray, np.ndarray, int]]
    hidden: tuple[int, ...]
    optimizer: str
    rates: tuple[float, float]

    def train(
        self, specs: Sequence[TrialSpec], epochs: int, seed: int, decay: bool = False
    ) -> list[TrialResult]:
        """Every trial, from the same weights and on the same batches."""
        x, y, classes = self.load()
        cut = 3 * len(x) // 4 // BATCH * BATCH
        job = Job(
            lambda: self._build(x.shape[1], classes, decay),
            x[:cut],
            y[:cut],
            validation_data=(x[cut:], y[cut:]),
            batch_size=BATCH,
            epochs=epochs,
            seed=seed,
        )
        engine, _ = choose_engine("auto", job, job.build_model())
        return engine.run(specs, lambda *_: False, lambda *_: False)

    def steps_per_epoch(self) -> int:
        """Updates in an epoch."""
        return 3 * len(self.load()[0]) // 4 // BATCH

    def _build(self, width: int, classes: int, decay: bool) -> Any:
        import keras

        layers = [keras.layers.Dense(units, activation="relu") for units in self.hidden]
        model = keras.Sequential([keras.Input((width,)), *layers, keras.layers.Dense(classes or 1)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classes else "mse"
        made = (
            keras.optimizers.SGD(momentum=0.9, weight_decay=1e-9 if decay else None)
            if self.optimizer == "momentum"
            else keras.optimizers.Adam(weight_decay=1e-9 if decay else None)
        )
        model.compile(made, loss, metrics=["accuracy"] if classes else None)
        return model


def _shuffled(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(0).permutation(len(x))
    return x[order].astype("float32"), y[order]


def digits() -> tuple[np.ndarray, np.ndarray, int]:
    """scikit-learn's digits."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (*_shuffled(x / 16, y), 10)


def noisy_digits() -> tuple[np.ndarray, np.ndarray, int]:
    """The same, three labels in ten drawn at random."""
    x, y, classes = digits()
    random = np.random.default_rng(1)
    lost = random.random(len(y)) < 0.3
    return x, np.where(lost, random.integers(0, classes, len(y)), y), classes


def cancer() -> tuple[np.ndarray, np.ndarray, int]:
    """scikit-learn's breast cancer, standardised."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return (*_shuffled((x - x.mean(0)) / x.std(0), y), 2)


def diabetes() -> tuple[np.ndarray, np.ndarray, int]:
    """scikit-learn's diabetes, a regression, standardised."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True)
    x, y = _shuffled(x / x.std(0), (y - y.mean()) / y.std())
    return x, y[:, None].astype("float32"), 0


def _each(name: str, load: Any, hidden: tuple[int, ...]) -> list[Problem]:
    return [
        Problem(f"{name}, {optimizer}", load, hidden, optimizer, rates)
        for optimizer, rates in (("momentum", (1e-3, 1.0)), ("adam", (1e-4, 0.3)))
    ]


PROBLEMS = [
    *_each("digits, linear", digits, ()),
    *_each("digits, one hidden layer", digits, (64,)),
    *_each("digits, three hidden layers", digits, (64, 64, 64)),
    *_each("digits with wrong labels, linear", noisy_digits, ()),
    *_each("digits with wrong labels, one hidden layer", noisy_digits, (32,)),
    *_each("cancer, linear", cancer, ()),
    *_each("diabetes, one hidden layer", diabetes, (32,)),
]
