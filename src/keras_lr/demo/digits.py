"""scikit-learn's handwritten digits, split once into train, validation and test."""

from dataclasses import dataclass

import numpy as np

from keras_lr.demo.model import BATCH_SIZE
from keras_lr.errors import MissingExtra


@dataclass(frozen=True)
class Split:
    """Three parts that share no digit.

    Args:
        train: x float32 `(n, 64)` in [0, 1] and y int64 `(n,)`: what is trained on.
        validation: What every choice is made on.
        test: What nothing is chosen on; it is only reported.
    """

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def load_digits() -> Split:
    """Half of the digits to train on, a fifth to choose on, the rest to test on.

    Every class has the same share in each part, to within two digits. The split doesn't depend on a seed: the seeds of
    the demo vary the weights and the batches, not the data.

    Raises:
        MissingExtra: scikit-learn isn't installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingExtra("keras-lr demo", "demo", "scikit-learn") from error
    x, y = datasets.load_digits(return_X_y=True)
    x = (np.asarray(x) / 16).astype(np.float32)
    y = np.asarray(y).astype(np.int64)
    parts: list[list[np.ndarray]] = [[], [], []]
    order = np.random.default_rng(0).permutation(len(x))
    for digit in range(10):
        rows = order[y[order] == digit]
        cuts = [round(0.5 * len(rows)), round(0.7 * len(rows))]
        for part, chosen in zip(parts, np.split(rows, cuts), strict=True):
            part.append(chosen)
    # Whole batches only: a smaller last one costs a compilation in every training.
    spare = sum(map(len, parts[0])) % BATCH_SIZE
    parts[0][-1], parts[2] = parts[0][-1][spare:], [*parts[2], parts[0][-1][:spare]]
    train, validation, test = (np.sort(np.concatenate(part)) for part in parts)
    return Split((x[train], y[train]), (x[validation], y[validation]), (x[test], y[test]))
