"""What is trained: small problems that anyone can make again, and the optimizers to train them with.

Every model is a stack of dense layers; the convolution is one over windows that were cut out
beforehand, since XLA's convolutions in a loop are slow on a CPU. `initial` draws the weights as
Keras does (Glorot's uniform distribution, zero biases).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Weights = list[tuple[jax.Array, jax.Array]]


@dataclass(frozen=True, eq=False)
class Task:
    """Data, a model, and the rates that its optimizers are tried at.

    Args:
        name: What the table calls it.
        train: Inputs and targets to train on.
        validation: Inputs and targets that judge.
        sizes: Rows and columns of each layer's matrix.
        loss: From what the model gives and the target to the mean loss.
        apply: From weights and inputs to what the model gives.
        highest: The highest rate of the grid by optimizer's name; the lowest is a thousandth of it.
    """

    name: str
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    sizes: tuple[tuple[int, int], ...]
    loss: Callable[[Any, Any], Any]
    apply: Callable[[Weights, Any], Any]
    highest: dict[str, float]

    def initial(self, seed: int) -> Weights:
        """The weights that every run of a seed begins with."""
        random = np.random.default_rng(seed)
        weights = []
        for rows, columns in self.sizes:
            limit = np.sqrt(6 / (rows + columns))
            kernel = random.uniform(-limit, limit, (rows, columns)).astype("float32")
            weights.append((jnp.asarray(kernel), jnp.zeros(columns, "float32")))
        return weights

    def value(self, weights: Weights, x: Any, y: Any) -> Any:
        """The mean loss over some samples."""
        return self.loss(self.apply(weights, x), y)


def dense(weights: Weights, x: Any) -> Any:
    """Dense layers with ReLU between them."""
    for kernel, bias in weights[:-1]:
        x = jax.nn.relu(x @ kernel + bias)
    kernel, bias = weights[-1]
    return x @ kernel + bias


def conv(weights: Weights, x: Any) -> Any:
    """A convolution (its windows are the input's rows), the mean over positions, a dense layer."""
    (kernel, bias), (head, offset) = weights
    return jax.nn.relu(x @ kernel + bias).mean(axis=-2) @ head + offset


def crossentropy(logits: Any, labels: Any) -> Any:
    """Of whole-number labels."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1).mean()


def squares(found: Any, wanted: Any) -> Any:
    """The mean squared error."""
    return jnp.square(found - wanted).mean()


def _split(x: np.ndarray, y: np.ndarray, share: float, seed: int) -> tuple[Any, Any]:
    order = np.random.default_rng(seed).permutation(len(x))
    cut = round(len(x) * (1 - share))
    first, second = order[:cut], order[cut:]
    return (x[first], y[first]), (x[second], y[second])


def _digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y.astype("int32")


def _under_noise(pair: tuple[Any, Any], times: int, noise: float, seed: int) -> tuple[Any, Any]:
    """Every input several times, each time under other noise; targets as they are."""
    x, y = (np.repeat(part, times, axis=0) for part in pair)
    random = np.random.default_rng(seed)
    x = x + noise * random.normal(size=x.shape)
    order = random.permutation(len(x))
    return x[order].astype("float32"), y[order]


def noisy_digits() -> Task:
    """Noisy digits, one label in five drawn at random: convex, and the loss doesn't go to 0."""
    train, validation = _split(*_digits(), 0.25, 0)

    def noisy(pair: tuple[np.ndarray, np.ndarray], times: int, seed: int) -> tuple[Any, Any]:
        x, y = _under_noise(pair, times, 0.5, seed)
        random = np.random.default_rng([seed, 1])
        drawn = random.integers(0, 10, len(y))
        return x, np.where(random.random(len(y)) < 0.2, drawn, y).astype("int32")

    highest = {"sgd": 10.0, "momentum": 1.0, "adam": 0.3}
    return Task(
        "noisy digits, logistic",
        noisy(train, 20, 0),
        noisy(validation, 5, 1),
        ((64, 10),),
        crossentropy,
        dense,
        highest,
    )


def teacher() -> Task:
    """Regression on what a random net says, with noise."""
    random = np.random.default_rng(1)
    x = random.normal(size=(8000, 16)).astype("float32")
    y = np.tanh(x @ random.normal(size=(16, 8)) / 2) @ random.normal(size=(8, 1)) / np.sqrt(8)
    y = (y + 0.3 * random.normal(size=y.shape)).astype("float32")
    train, validation = _split(x, y, 0.25, 1)
    highest = {"sgd": 1.0, "momentum": 0.3, "adam": 0.1}
    sizes = ((16, 32), (32, 1))
    return Task("teacher, dense", train, validation, sizes, squares, dense, highest)


def dense_digits() -> Task:
    """Digits under noise for a net of three layers."""
    train, validation = _split(*_digits(), 0.25, 2)
    highest = {"sgd": 3.0, "momentum": 0.3, "adam": 0.1}
    return Task(
        "digits, dense",
        _under_noise(train, 20, 0.5, 2),
        _under_noise(validation, 5, 0.5, 3),
        ((64, 32), (32, 32), (32, 10)),
        crossentropy,
        dense,
        highest,
    )


def denoising() -> Task:
    """Digits out of noise, through a narrow layer."""
    x, _ = _digits()
    train, validation = _split(x, x, 0.25, 3)
    highest = {"sgd": 10.0, "momentum": 1.0, "adam": 0.1}
    return Task(
        "denoising digits",
        _under_noise(train, 20, 0.5, 4),
        _under_noise(validation, 5, 0.5, 5),
        ((64, 24), (24, 64)),
        squares,
        dense,
        highest,
    )


def characters() -> Task:
    """The next character of Python's own manual, from the three before it."""
    from pydoc_data.topics import topics

    text = " ".join("\n".join(topics[name] for name in sorted(topics)).lower().split())[:120_000]
    letters = " abcdefghijklmnopqrstuvwxyz.,"
    codes = np.array([letters.find(letter) for letter in text])
    codes = np.where(codes < 0, len(letters), codes)
    hot = np.eye(len(letters) + 1, dtype="float32")
    windows = np.lib.stride_tricks.sliding_window_view(codes, 4)[::5]
    x = hot[windows[:, :3]].reshape(len(windows), -1)
    train, validation = _split(x, windows[:, 3].astype("int32"), 0.1, 6)
    highest = {"sgd": 10.0, "momentum": 1.0, "adam": 0.1}
    sizes = ((x.shape[1], 32), (32, len(letters) + 1))
    return Task("characters, dense", train, validation, sizes, crossentropy, dense, highest)


def signals() -> Task:
    """One of ten smooth shapes somewhere in a noisy signal of 40 values, as in mnist1d."""
    random = np.random.default_rng(4)
    shapes = random.normal(size=(10, 12))
    shapes = np.stack([np.convolve(s, [0.25, 0.5, 0.25], "same") for s in shapes])
    labels = random.integers(0, 10, 8000).astype("int32")
    x = 0.4 * random.normal(size=(8000, 40))
    starts = random.integers(0, 28, 8000)
    scales = random.uniform(0.7, 1.4, 8000)
    for row, label, start, scale in zip(x, labels, starts, scales, strict=True):
        row[start : start + 12] += scale * shapes[label]
    windows = np.lib.stride_tricks.sliding_window_view(x, 12, axis=1)[:, ::4].astype("float32")
    train, validation = _split(np.ascontiguousarray(windows), labels, 0.25, 4)
    highest = {"sgd": 30.0, "momentum": 3.0, "adam": 0.3}
    sizes = ((12, 24), (24, 10))
    return Task("signals, conv", train, validation, sizes, crossentropy, conv, highest)


TUNED_ON: tuple[Callable[[], Task], ...] = (noisy_digits, teacher)
"""The tasks that thresholds were chosen on."""
REPORTED: tuple[Callable[[], Task], ...] = (
    dense_digits,
    denoising,
    characters,
    signals,
)
"""The tasks that they were frozen for."""


@dataclass(frozen=True)
class Optimizer:
    """A stock optimizer as a pure function, by Keras's formulas and default settings.

    Args:
        name: `sgd`, `momentum` (0.9) or `adam`.
        slots: How many arrays it keeps for each weight.
    """

    name: str
    slots: int

    def start(self, weights: Any) -> tuple[Any, ...]:
        """What it keeps, before the first update."""
        return tuple(jax.tree.map(jnp.zeros_like, weights) for _ in range(self.slots))

    def update(self, weights: Any, kept: Any, gradient: Any, rate: Any, step: Any) -> Any:
        """The next weights and what it keeps; `step` counts from 0."""
        if self.name == "sgd":
            return jax.tree.map(lambda w, g: w - rate * g, weights, gradient), kept
        if self.name == "momentum":
            moved = jax.tree.map(lambda m, g: 0.9 * m - rate * g, kept[0], gradient)
            return jax.tree.map(jnp.add, weights, moved), (moved,)
        done = jnp.asarray(step, "float32") + 1
        first = jax.tree.map(lambda m, g: m + (g - m) * 0.1, kept[0], gradient)
        second = jax.tree.map(lambda v, g: v + (g * g - v) * 0.001, kept[1], gradient)
        scaled = rate * jnp.sqrt(1 - 0.999**done) / (1 - 0.9**done)
        weights = jax.tree.map(
            lambda w, m, v: w - scaled * m / (jnp.sqrt(v) + 1e-7), weights, first, second
        )
        return weights, (first, second)


OPTIMIZERS = (Optimizer("sgd", 0), Optimizer("momentum", 1), Optimizer("adam", 2))
