"""What a rate can be."""

import math
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput


def check_rate(value: Any, name: str = "learning_rate") -> float:
    """`value` as a float, or an error if it isn't a positive finite number.

    Args:
        value: A number of Python, NumPy or the backend; also an array with one element.
        name: What the error calls it.

    Raises:
        InvalidInput: It is none.

    >>> check_rate(1)
    1.0
    """
    number = _plain(value, name)
    if callable(number):
        raise InvalidInput(
            f"{name} must be a number; a schedule goes to fit: "
            f"callbacks=[keras_lr.LearningRate(schedule=...)]. Received: {value!r}."
        )
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidInput(
            f"{name} must be a positive number. Received: {value!r} "
            f"(of type {type(value).__name__}). Write e.g. {name}=0.01."
        )
    try:
        number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number) or number <= 0:
        raise InvalidInput(
            f"{name} must be positive and finite. Received: {value!r}. Write e.g. {name}=0.01."
        )
    return number


def _plain(value: Any, name: str) -> Any:
    """A scalar of NumPy or a backend as Python's; anything else as it is."""
    if getattr(value, "shape", None) is None or callable(value):
        return value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
    else:
        import keras

        array = np.asarray(keras.ops.convert_to_numpy(value))
    if array.size != 1:
        raise InvalidInput(
            f"{name} must be one number. Received: an array of shape {tuple(array.shape)}. For a "
            "rate for each member of a MultiOptimizer write a dictionary: "
            'set_learning_rate(model, {"sgd": 0.1, "adam": 1e-3}).'
        )
    return array.reshape(()).item()
