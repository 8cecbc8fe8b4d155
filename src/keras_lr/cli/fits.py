"""Whether a model can be trained on the data at all, asked before anything is trained."""

from typing import Any

import numpy as np

from keras_lr.cli.data import Data
from keras_lr.errors import InvalidInput


def check_fits(model: Any, data: Data) -> None:
    """Refuse missing targets, inputs of another shape, and class labels that the model has no output for.

    The second is worth a check of its own: on JAX such a label gives NaN, not an error.
    """
    if isinstance(data.x, np.ndarray) and data.y is None and getattr(model, "loss", None):
        raise InvalidInput(
            "The model is compiled with a loss, which needs targets, and there is no y. Return "
            f"(x, y), or {{'x': x, 'y': y}}. Received: x of shape {data.x.shape}, y=None."
        )
    _check_inputs(model, data.x, "x")
    _check_labels(model, data.y, "y")
    if isinstance(data.validation_data, tuple | list) and len(data.validation_data) >= 2:
        _check_labels(model, data.validation_data[1], "y_val")


def _check_inputs(model: Any, x: Any, name: str) -> None:
    wanted = _shape(model, "input_shape")
    if wanted is None or not isinstance(x, np.ndarray):
        return
    inner, given = _strip(wanted[1:]), _strip(x.shape[1:])
    same = len(inner) == len(given) and all(
        a is None or a == b for a, b in zip(inner, given, strict=True)
    )
    if not same:
        shape = ", ".join(str(n) for n in x.shape[1:]) + ("," if x.ndim == 2 else "")
        raise InvalidInput(
            f"The model takes inputs of shape {wanted}, but {name} has {x.shape}. Reshape {name}, "
            f"or build the model with keras.Input(({shape}))."
        )


def _check_labels(model: Any, y: Any, name: str) -> None:
    outputs = _shape(model, "output_shape")
    loss = getattr(model, "loss", None)
    loss = loss if isinstance(loss, str) else getattr(loss, "name", None)
    if loss != "sparse_categorical_crossentropy" or outputs is None:
        return
    classes = outputs[-1]
    if not isinstance(y, np.ndarray) or y.dtype.kind not in "iu" or not isinstance(classes, int):
        return
    low, high = int(y.min()), int(y.max())
    if low < 0 or high >= classes:
        raise InvalidInput(
            f"The model has {classes} outputs, so labels go from 0 to {classes - 1}. "
            f"Received: {name} from {low} to {high}."
        )


def _shape(model: Any, name: str) -> tuple | None:
    try:
        shape = getattr(model, name)
    except (AttributeError, ValueError):
        return None  # a subclassed model: it has no shape before its first batch
    return (
        shape
        if isinstance(shape, tuple) and all(n is None or isinstance(n, int) for n in shape)
        else None
    )


def _strip(shape: tuple) -> tuple:
    """Without trailing ones: Keras adds or drops a last axis of one by itself."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape
