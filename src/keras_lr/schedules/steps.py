"""The step that a schedule is called with: numbers and arrays for NumPy, tensors for the backend."""

import numbers
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import plain_number, shown
from keras_lr.schedules.horizon import MOST_STEPS

_PLAIN = (int, float, np.ndarray, list, tuple, range, numbers.Number)
"""What is answered in NumPy; the usual ones first, because asking for `Number` takes longer."""


def is_plain(step: Any) -> bool:
    """Whether `step` is answered in NumPy."""
    return isinstance(step, _PLAIN)


def as_array(step: Any) -> Any:
    """Numbers as steps for NumPy, from 0 to `MOST_STEPS`: int64 or float64.

    Raises:
        InvalidInput: They aren't finite real numbers.

    >>> as_array([-1, 2**70]), as_array([2.5])
    (array([         0, 2147483647]), array([2.5]))
    """
    if type(step) is int:  # the usual one, and the slow checks are for arrays
        return np.int64(min(max(step, 0), MOST_STEPS))
    try:
        steps = np.asarray(step)
    except ValueError:  # lists of different lengths
        raise _refusal(step) from None
    if steps.dtype.kind == "O" and all(type(item) is int for item in steps.ravel()):
        steps = np.minimum(steps, MOST_STEPS).astype(np.int64)  # too long for NumPy's integers
    if steps.dtype.kind == "O" and (plain := plain_number(step)) is not None:
        steps = np.asarray(plain)  # a fraction
    if steps.dtype.kind not in "iuf" or not np.isfinite(steps).all():
        raise _refusal(step)
    if steps.dtype == np.uint64:  # before it wraps
        steps = np.minimum(steps, np.uint64(MOST_STEPS))
    steps = steps.astype(np.float64 if steps.dtype.kind == "f" else np.int64)
    return np.clip(steps, 0, MOST_STEPS)


def as_tensor(step: Any) -> Any:
    """A tensor, a tracer or a variable as steps of at least 0, in a type that counts exactly.

    Raises:
        InvalidInput: The backend can't make a tensor of it, or its values aren't real numbers.
    """
    from keras import ops

    if step is None or isinstance(step, str | bytes | dict | set):
        raise _refusal(step)
    try:
        steps = ops.convert_to_tensor(step)
        kind = ops.dtype(steps)
    except (TypeError, ValueError) as error:
        raise _refusal(step) from error
    if "int" not in kind and "float" not in kind:
        raise _refusal(step)
    if kind == "int64":  # which Keras's operations may make int32, and so wrap
        over = steps > MOST_STEPS
        steps = ops.where(over, ops.full_like(steps, MOST_STEPS), steps)
    elif kind not in ("int32", "float32", "float64"):
        steps = ops.cast(steps, "int32" if "int" in kind else "float32")
        if kind.startswith("uint"):  # the largest have wrapped below zero
            steps = ops.where(steps < 0, ops.full_like(steps, MOST_STEPS), steps)
    return ops.maximum(steps, ops.zeros_like(steps))  # a plain 0 may turn them into floats


def _refusal(step: Any) -> InvalidInput:
    return InvalidInput(
        "A step is a finite number, an array or sequence of them, or a tensor. "
        f"Received: step={shown(step)}."
    )
