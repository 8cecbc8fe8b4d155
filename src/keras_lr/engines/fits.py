"""Whether a model can be trained on the data at all, asked before anything is trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput


def check_fits(model: Any, x: Any, y: Any = None, validation_data: Any = None) -> None:
    """Refuse arrays that this model can't be trained on.

    Missing targets, inputs of another shape, and class labels that the model has no output for.
    The last is worth a check of its own: on JAX such a label gives NaN or 0, not an error.
    Datasets, and models whose shapes aren't known before their first batch, are let pass.

    Args:
        model: A compiled model.
        x: Inputs: an array, or a nest of arrays.
        y: Targets.
        validation_data: As `fit` takes it.

    Raises:
        InvalidInput: With what was received and what the model takes.
    """
    if y is None and _has_arrays(x) and _needs_targets(model):
        raise InvalidInput(
            "The model is compiled with a loss, which needs targets, and there is no y. Pass both, "
            "(x, y). Received: y=None."
        )
    pairs = [("x", x, "y", y)]
    if isinstance(validation_data, tuple | list) and len(validation_data) >= 2:
        pairs.append(("x_val", validation_data[0], "y_val", validation_data[1]))
    for x_name, inputs, y_name, labels in pairs:
        _check_inputs(model, inputs, x_name)
        _check_labels(model, labels, y_name)


def _has_arrays(x: Any) -> bool:
    if isinstance(x, Mapping):
        x = list(x.values())
    return hasattr(x, "shape") or (
        isinstance(x, list | tuple) and len(x) > 0 and all(hasattr(part, "shape") for part in x)
    )


def _needs_targets(model: Any) -> bool:
    own = (getattr(type(model), name) for name in ("train_step", "compute_loss"))
    keras_own = all(method.__module__.partition(".")[0] == "keras" for method in own)
    return keras_own and bool(getattr(model, "loss", None))


def _check_inputs(model: Any, x: Any, name: str) -> None:
    inputs = _shapes(model, "input_shape")
    if isinstance(inputs, tuple):
        _check_shape(inputs, x, name)
    elif isinstance(inputs, list) and isinstance(x, Mapping):
        for tensor, shape in zip(model.inputs, inputs, strict=True):
            if tensor.name in x:
                _check_shape(shape, x[tensor.name], f"{name}[{tensor.name!r}]")
    elif isinstance(inputs, list) and isinstance(x, list | tuple):
        if len(inputs) != len(x):
            raise InvalidInput(
                f"The model has {len(inputs)} inputs. Received: {name} with {len(x)} arrays."
            )
        for index, (shape, part) in enumerate(zip(inputs, x, strict=True)):
            _check_shape(shape, part, f"{name}[{index}]")


def _check_shape(wanted: tuple, array: Any, name: str) -> None:
    shape = getattr(array, "shape", None)
    if shape is None or not len(shape):
        return
    shape = tuple(shape)
    inner, given = _strip(wanted[1:]), _strip(shape[1:])
    same = len(inner) == len(given) and all(
        a is None or a == b for a, b in zip(inner, given, strict=True)
    )
    if not same:
        text = ", ".join(str(n) for n in shape[1:]) + ("," if len(shape) == 2 else "")
        raise InvalidInput(
            f"The model takes inputs of shape {wanted}, but {name} has {shape}. Reshape {name}, "
            f"or build the model with keras.Input(({text}))."
        )


def _check_labels(model: Any, y: Any, name: str) -> None:
    outputs = _shapes(model, "output_shape")
    sparse, ignored = _sparse(getattr(model, "loss", None))
    if not sparse or not isinstance(outputs, tuple) or not isinstance(outputs[-1], int):
        return
    y = y if hasattr(y, "dtype") else None
    labels = None if y is None else np.asarray(y)
    if labels is None or labels.dtype.kind not in "biuf" or not labels.size:
        return
    classes = outputs[-1]
    labels = labels[labels != ignored] if ignored is not None else labels
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    if low < 0 or high >= classes:
        raise InvalidInput(
            f"The model has {classes} outputs, so labels go from 0 to {classes - 1}. "
            f"Received: {name} from {low:g} to {high:g}."
        )


def _sparse(loss: Any) -> tuple[bool, Any]:
    """Whether a loss takes class labels, and the label that it ignores."""
    import keras

    kind = keras.losses.SparseCategoricalCrossentropy
    if isinstance(loss, kind):
        config = loss.get_config()
        return config.get("axis", -1) == -1, config.get("ignore_class")
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None)
    return name in ("sparse_categorical_crossentropy", kind.__name__), None


def _shapes(model: Any, name: str) -> Any:
    """`input_shape` or `output_shape`: a tuple, or a list of them; else `None`."""
    try:
        shapes = getattr(model, name)
    except (AttributeError, ValueError):
        return None  # a subclassed model: it has no shape before its first batch
    if isinstance(shapes, list):
        return shapes if all(map(_is_shape, shapes)) else None
    return shapes if _is_shape(shapes) else None


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(n is None or isinstance(n, int) for n in shape)


def _strip(shape: tuple) -> tuple:
    """Without trailing ones: Keras adds or drops a last axis of one by itself."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape
