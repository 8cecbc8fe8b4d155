"""Whether a model can be trained on the data at all, asked before anything is trained.

`data_checks` looks at the data alone; here it meets the model. `find`, `tune` and the command line
all ask here, so a mistake gets the same words everywhere.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput

ROWS = 32
"""Rows that are passed through the model."""


def check_fits(
    model: Any,
    x: Any,
    y: Any = None,
    validation_data: Any = None,
    *,
    sample_weight: Any = None,
    names: tuple[str, str] = ("validation x", "validation y"),
    spare: bool = False,
) -> None:
    """Refuse arrays that this model can't be trained on.

    Missing targets, inputs of another shape, class labels that the model has no output for (on JAX
    those give NaN or 0, not an error), one-hot targets where the loss wants class numbers and the
    other way round, and whatever the model or its loss refuse of the first rows. Datasets are let
    pass, and so are models with a `train_step` of their own, as far as their loss is concerned.

    Args:
        model: A compiled model; it stays as it is.
        x: Inputs: an array, or a nest of arrays.
        y: Targets.
        validation_data: As `fit` takes it.
        sample_weight: Weights of the rows.
        names: What the parts of `validation_data` are called in errors.
        spare: Whether the model is nobody's, so that it may be built by looking.

    Raises:
        InvalidInput: With what was received and what the model takes.
    """
    if y is None and _has_arrays(x) and _needs_targets(model):
        raise InvalidInput(
            "The model is compiled with a loss, which needs targets, and there is no y. Pass both, "
            "(x, y). Received: y=None."
        )
    pairs = [("x", x, "y", y, sample_weight)]
    if isinstance(validation_data, tuple | list) and len(validation_data) >= 2:
        weights = validation_data[2] if len(validation_data) > 2 else None
        pairs.append((names[0], validation_data[0], names[1], validation_data[1], weights))
    for x_name, inputs, y_name, targets, weights in pairs:
        if not _has_arrays(inputs):
            continue
        _check_inputs(model, inputs, x_name)
        outputs = _shapes(model, "output_shape")
        _check_labels(model, targets, y_name, outputs)
        predicted = _predicted(model, inputs, x_name, spare)
        if predicted is None:
            continue
        if outputs is None and hasattr(predicted, "shape"):
            _check_labels(model, targets, y_name, tuple(predicted.shape))
        _check_loss(model, inputs, targets, weights, predicted, y_name, spare)


def _has_arrays(x: Any) -> bool:
    if isinstance(x, Mapping):
        x = list(x.values())
    return hasattr(x, "shape") or (
        isinstance(x, list | tuple) and len(x) > 0 and all(hasattr(part, "shape") for part in x)
    )


def _needs_targets(model: Any) -> bool:
    return _has_keras_steps(model) and bool(getattr(model, "loss", None))


def _has_keras_steps(model: Any) -> bool:
    own = (getattr(type(model), name) for name in ("train_step", "compute_loss"))
    return all(method.__module__.partition(".")[0] == "keras" for method in own)


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
            f"The model doesn't take {name} of shape {shape}: its inputs have the shape {wanted}. "
            f"Reshape {name}, or build the model with keras.Input(({text}))."
        )


def _check_labels(model: Any, y: Any, name: str, outputs: Any) -> None:
    """Targets of the wrong kind for a loss over classes, and labels without an output."""
    kind, ignored = _classes_as(getattr(model, "loss", None))
    labels = np.asarray(y) if hasattr(y, "dtype") and hasattr(y, "__array__") else None
    if kind is None or not isinstance(outputs, tuple) or not isinstance(outputs[-1], int):
        return
    if labels is None or labels.dtype.kind not in "biuf" or not labels.size:
        return
    classes = outputs[-1]
    one_hot = labels.ndim == len(outputs) and labels.shape[-1] == classes > 1
    if kind == "one-hot":
        if (
            not one_hot
            and classes > 1
            and labels.dtype.kind in "iu"
            and _strip(labels.shape[1:]) == ()
        ):
            raise InvalidInput(
                f"{name} holds class numbers, and the model's loss takes one row of {classes} a "
                "sample. Compile with keras.losses.SparseCategoricalCrossentropy, or write "
                f"keras.utils.to_categorical({_word(name)}, {classes}). "
                f"Received: {name} of shape {labels.shape}."
            )
        return
    if one_hot:
        raise InvalidInput(
            f"{name} holds a row of {classes} a sample (one-hot), and the model's loss takes class "
            "numbers. Compile with keras.losses.CategoricalCrossentropy, or write "
            f"{_word(name)}.argmax(-1). Received: {name} of shape {labels.shape}."
        )
    if labels.ndim == len(outputs) and labels.shape[-1] > 1 and _is_one_hot(labels[:ROWS]):
        raise InvalidInput(
            f"{name} holds a row of {labels.shape[-1]} a sample (one-hot), and the model has "
            f"{classes} output{'s' * (classes != 1)} and a loss that takes class numbers. Give its "
            f"last layer {labels.shape[-1]} units, and write {_word(name)}.argmax(-1). "
            f"Received: {name} of shape {labels.shape}."
        )
    labels = labels[labels != ignored] if ignored is not None else labels
    if not labels.size:
        return
    low, high = labels.min(), labels.max()
    between = labels[labels != np.floor(labels)]
    if low < 0 or high >= classes or between.size:
        told = (
            f"{between.flat[0]:g} among {name}"
            if between.size
            else f"{name} from {low:g} to {high:g}"
        )
        raise InvalidInput(
            f"{name} holds labels that none of the model's {classes} outputs stands for: with "
            f"{classes} outputs labels go from 0 to {classes - 1}. Received: {told}."
        )


def _is_one_hot(rows: Any) -> bool:
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(-1) == 1).all())


def _word(name: str) -> str:
    return name.rpartition(" ")[2]


def _classes_as(loss: Any) -> tuple[str | None, Any]:
    """How a loss takes classes, `"number"` or `"one-hot"` (`None`: neither), and what it ignores."""
    import keras

    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return None, None
    if isinstance(loss, type):
        loss = loss()
    losses = keras.losses
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        config = loss.get_config()
        return ("number" if config.get("axis", -1) == -1 else None), config.get("ignore_class")
    if loss is losses.sparse_categorical_crossentropy:
        return "number", None
    if isinstance(loss, losses.CategoricalCrossentropy):
        return ("one-hot" if loss.get_config().get("axis", -1) == -1 else None), None
    return ("one-hot" if loss is losses.categorical_crossentropy else None), None


def _predicted(model: Any, x: Any, name: str, spare: bool) -> Any:
    """What the model makes of the first rows; `None` where that can't be asked."""
    import keras

    from keras_lr.engines.internals import outline, stateless_scope

    if not (model.built or spare):
        return None  # building it would draw its weights
    try:
        if spare and model.built and keras.backend.backend() == "jax":
            # Called on numbers, each operation would be compiled by itself.
            return outline(model, _rows(x), training=False)
        if spare:
            return model(_rows(x), training=False)
        with stateless_scope(()):
            return model(_rows(x), training=False)
    except Exception as error:
        told = f"{name} of shape {_told(x)}"
        raise InvalidInput(f"The model doesn't take {told}: {_line(error)}") from error


def _check_loss(
    model: Any, x: Any, y: Any, weight: Any, predicted: Any, name: str, spare: bool
) -> None:
    import keras

    from keras_lr.engines.internals import outline

    if y is None or not _has_keras_steps(model):
        return
    try:
        if spare:
            rows = {"x": _rows(x), "y": _rows(y), "y_pred": predicted}
            rows = {**rows, "sample_weight": _rows(weight), "training": False}
            if keras.backend.backend() == "jax":
                outline(model.compute_loss, **rows)
            else:
                model.compute_loss(**rows)
        elif hasattr(predicted, "shape") and (callable(model.loss) or isinstance(model.loss, str)):
            # Nothing of the model's own: compute_loss keeps means of what it sees.
            loss = keras.losses.get(model.loss)
            loss(keras.ops.convert_to_tensor(_rows(y)), predicted)  # type: ignore[misc]
    except Exception as error:
        told = f"{name} of shape {_told(y)} for outputs of shape {_told(predicted)}"
        raise InvalidInput(f"The model's loss doesn't take {told}: {_line(error)}") from error


def _rows(data: Any) -> Any:
    from keras import tree

    if data is None:
        return None
    return tree.map_structure(lambda array: None if array is None else array[:ROWS], data)


def _told(data: Any) -> str:
    from keras import tree

    shapes = [str(tuple(getattr(array, "shape", ()))) for array in tree.flatten(data)]
    return " and ".join(shapes)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


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
