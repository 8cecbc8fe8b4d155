"""Which rates to try: what the user gave, or a range that suits the optimizer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rate import check_rate, leaves

MEMBERS = 16
"""Rates in a race."""

LearningRates = tuple[float, float] | Sequence[float]


def check_learning_rates(given: Any) -> np.ndarray | None:
    """The user's rates, ascending: two are a range, more are the very rates. `None` stays.

    >>> check_learning_rates((0.1, 0.001))
    array([0.001, 0.1  ])
    """
    if given is None:
        return None
    hint = "Write learning_rates=(1e-4, 1.0), or the rates to try: [0.01, 0.03, 0.1]."
    if isinstance(given, str | bytes | dict) or not hasattr(given, "__iter__"):
        raise InvalidInput(
            f"learning_rates must be a range or a list of rates. Received: {given!r}. {hint}"
        )
    values = sorted({check_rate(value, "each of learning_rates") for value in given})
    if len(values) < 2:
        raise InvalidInput(
            f"learning_rates needs two different rates at least. Received: {given!r}. {hint}"
        )
    return np.array(values)


def spread(rates: np.ndarray) -> np.ndarray:
    """A race's members: sixteen over a range of two, otherwise the very rates."""
    return np.geomspace(rates[0], rates[-1], MEMBERS) if len(rates) == 2 else rates


# Wide enough that the best of small dense and convolutional nets (benchmarks/find.py) lies well
# inside, both for constant and for decaying rates.
_RANGES = {
    "sgd": (1e-3, 10.0),
    "lion": (3e-6, 3e-2),
    "adagrad": (1e-3, 10.0),
    "adadelta": (1e-2, 100.0),
    "ftrl": (1e-3, 10.0),
}
_ADAPTIVE = (3e-5, 0.3)
"""Adam and its kin, RMSprop, and whatever isn't known."""


def default_rates(optimizer: Any) -> np.ndarray:
    """Sixteen rates in a range for the kind of optimizer."""
    leaf = leaves(optimizer)[0]
    kind = next(
        (c.__name__.lower() for c in type(leaf).__mro__ if c.__name__.lower() in _RANGES), ""
    )
    low, high = _RANGES.get(kind, _ADAPTIVE)
    if kind == "sgd":
        # Momentum m adds up to 1 / (1 - m) steps.
        scale = max(1 - float(getattr(leaf, "momentum", 0.0)), 1e-2)
        low, high = low * scale, high * scale
    return np.geomspace(low, high, MEMBERS)
