"""Whether data can be trained on at all, whatever the model: the one place that says so.

`find`, `tune` and the command line all ask here. Datasets are let pass: their batches are seen when
they are read. What the model makes of the data is `fits`' question.
"""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput


def check_data(
    x: Any, y: Any = None, sample_weight: Any = None, names: tuple[str, str] = ("x", "y")
) -> dict[str, Any]:
    """Refuse data that can't be trained on.

    Args:
        x: Inputs: an array, a nest of arrays, or a dataset.
        y: Targets.
        sample_weight: Weights of the rows.
        names: What the user calls the first two, for errors.

    Returns:
        Each that was given, by name: arrays as NumPy arrays in their nest, else as it is.

    Raises:
        InvalidInput: For lists of numbers, arrays of objects, empty arrays, NaN or infinity (with
            its place), different lengths; for targets beside a dataset.
    """
    if x is None:
        raise InvalidInput(
            f"{names[0]} is missing: there has to be data to train on, arrays or a dataset. "
            "Received: None."
        )
    given = {names[0]: x, names[1]: y, "sample_weight": sample_weight}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        _check_kind(value, name)
    if not is_array_data(x):
        _check_alone(x, given, names[0])
        return given
    found = {name: _as_arrays(value, name, text=name == names[0]) for name, value in given.items()}
    _check_lengths(found)
    return found


def check_validation(data: Any, names: tuple[str, str] = ("validation x", "validation y")) -> None:
    """Refuse `validation_data` that nothing can be validated on."""
    if data is None:
        return
    if isinstance(data, tuple | list):
        if len(data) not in (2, 3):
            raise InvalidInput(
                "validation_data is (x_val, y_val), with weights as a third if you like. "
                f"Received: a {type(data).__name__} of {len(data)}."
            )
        check_data(*data, names=names)
        return
    _check_kind(data, "validation_data")
    if is_array_data(data):
        raise InvalidInput(
            "validation_data needs its targets too: validation_data=(x_val, y_val). "
            f"Received: {type(data).__name__}."
        )


def check_class_weight(given: Any) -> None:
    """Refuse what isn't a dictionary from class to weight."""
    if given is None:
        return
    sound = isinstance(given, Mapping) and all(
        isinstance(key, Integral) and isinstance(value, Real) and math.isfinite(value)
        for key, value in given.items()
    )
    if not sound:
        raise InvalidInput(
            "class_weight is a dictionary from a class's number to its weight, e.g. "
            f"{{0: 1.0, 1: 3.0}}. Received: class_weight={given!r}."
        )


def is_array_data(data: Any) -> bool:
    """Whether data is arrays, or a nest of them, and no dataset (nor an iterator).

    >>> is_array_data({"a": np.zeros((3, 2))}), is_array_data(iter([]))
    (True, False)
    """
    return (
        isinstance(data, list | tuple | Mapping)
        or hasattr(data, "shape")
        or hasattr(data, "to_numpy")
    )


def is_iterator(data: Any) -> bool:
    """Whether reading data uses it up."""
    return hasattr(data, "__next__")


def arrays(data: Any) -> list[np.ndarray]:
    """The NumPy arrays in a nest of dictionaries, lists and tuples."""
    if isinstance(data, np.ndarray):
        return [data]
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, list | tuple):
        return [array for member in data for array in arrays(member)]
    return []


def _check_kind(data: Any, name: str) -> None:
    if isinstance(data, list | tuple) and _holds_numbers(data):
        raise InvalidInput(
            f"{name} is a list of numbers, which fit takes for a list of inputs. Write "
            f"numpy.asarray({name}). Received: {type(data).__name__} of {len(data)}."
        )
    if isinstance(data, str | bytes | Real):
        raise InvalidInput(
            f"{name} must be arrays or a dataset. Received: {data!r} ({type(data).__name__})."
        )


def _check_alone(x: Any, given: Mapping[str, Any], name: str) -> None:
    for other in given:
        if other != name:
            raise InvalidInput(
                f"{other} can't be given beside a dataset, whose batches hold it already. "
                f"Received: {name}={type(x).__name__}, {other}={type(given[other]).__name__}."
            )


def _holds_numbers(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return any(_holds_numbers(member) for member in data[:2])
    return isinstance(data, Real | str | np.generic)


def _as_arrays(value: Any, name: str, *, text: bool) -> Any:
    if isinstance(value, np.ndarray):
        return _checked(value, name, text)
    import keras

    if isinstance(value, list | tuple | Mapping):
        leaves = [
            _checked(leaf, name + "".join(f"[{part!r}]" for part in path), text)
            for path, leaf in keras.tree.flatten_with_path(value)
        ]
        return keras.tree.pack_sequence_as(value, leaves)
    return _checked(value, name, text)


def _checked(leaf: Any, where: str, text: bool) -> Any:
    if leaf is None or is_sparse(leaf):
        return leaf
    array = as_array(leaf)
    if not array.ndim:
        raise InvalidInput(
            f"{where} must be an array with a row for each sample. Received: {leaf!r} "
            f"(of type {type(leaf).__name__})."
        )
    if not array.size:
        raise InvalidInput(
            f"{where} is empty: it holds no samples. Received: an array of shape {array.shape}."
        )
    _check_numbers(array, where, text)
    _check_finite(array, where)
    return array


def as_array(leaf: Any) -> np.ndarray:
    """A tensor of any framework, or a table of pandas's, as a NumPy array; NumPy's as they are."""
    if isinstance(leaf, np.ndarray):
        return leaf
    if hasattr(leaf, "to_numpy"):
        return np.asarray(leaf.to_numpy())
    import keras

    if keras.ops.is_tensor(leaf):
        return np.asarray(keras.ops.convert_to_numpy(leaf))
    if hasattr(leaf, "detach"):  # a torch tensor under another backend
        leaf = leaf.detach().cpu()
    return np.asarray(leaf)


def is_sparse(leaf: Any) -> bool:
    """A sparse or ragged array: Keras's adapters know them, NumPy doesn't."""
    kind = type(leaf)
    return hasattr(leaf, "tocsr") or kind.__name__ in ("SparseTensor", "RaggedTensor", "BCOO")


def _check_numbers(array: np.ndarray, where: str, text: bool) -> None:
    if array.dtype.kind in "biufc" or array.dtype.name in ("bfloat16", "float8_e4m3fn"):
        return
    strings = array.dtype.kind in "SU" or all(isinstance(v, str | bytes) for v in array.flat)
    if strings and text and _takes_text():
        return
    if strings:
        raise InvalidInput(
            f"{where} must hold numbers, and it holds text. Encode labels with "
            f"numpy.unique({where}, return_inverse=True)[1]. "
            f"Received: {where} of dtype {array.dtype}."
        )
    what = "an array of Python objects" if array.dtype == object else f"of dtype {array.dtype}"
    raise InvalidInput(
        f"{where} must hold numbers, and it is {what}. Write "
        f"numpy.asarray({where}.tolist(), dtype='float32') (rows of different lengths need padding "
        f"first). Received: dtype={array.dtype}, shape={array.shape}."
    )


def _takes_text() -> bool:
    import keras

    return keras.backend.backend() == "tensorflow"  # the others refuse text in the model's call


def _check_finite(array: np.ndarray, where: str) -> None:
    if array.dtype.kind not in "fc":
        return
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        bad = int(finite.size - finite.sum())
        raise InvalidInput(
            f"{where} holds {bad} NaN or infinite value{'s' * (bad > 1)}, which training would only "
            f"spread. Remove or fill them, e.g. numpy.nan_to_num({where}). "
            f"Received: {where}[{', '.join(map(str, place))}] = {array[place]}."
        )


def _check_lengths(found: Mapping[str, Any]) -> None:
    import keras

    lengths: dict[int, str] = {}
    for name, value in found.items():
        for path, leaf in keras.tree.flatten_with_path(value):
            where = name + "".join(f"[{part!r}]" for part in path)
            if leaf is not None:
                lengths.setdefault(int(leaf.shape[0]), where)
    if len(lengths) > 1:
        told = ", ".join(f"{name} has {length}" for length, name in lengths.items())
        raise InvalidInput(
            f"Every array needs one row a sample, so all need the same length. Received: {told}."
        )
