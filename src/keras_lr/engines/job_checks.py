"""What is refused of a job before anything is trained: lengths, seeds, data of the wrong kind."""

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np

from keras_lr.engines.trial import Job
from keras_lr.errors import InvalidInput


def whole(value: Any, name: str, least: int = 1) -> int:
    """`value` as an int; NumPy's whole numbers are welcome.

    Raises:
        InvalidInput: It isn't a whole number, or below `least`.

    >>> whole(3, "epochs")
    3
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InvalidInput(
            f"{name} must be a whole number, at least {least}. Received: {name}={value!r}."
        )
    return int(value)


def check_job(job: Job) -> Job:
    """Refuse settings and data that no trial could be trained with, before anything starts.

    Returns:
        The job, with NumPy's numbers made plain.

    Raises:
        InvalidInput: With what is wrong, and what to write.
    """
    epochs, seed = whole(job.epochs, "epochs"), whole(job.seed, "seed", 0)
    if seed >= 2**32:
        raise InvalidInput(f"seed must be below 2**32. Received: seed={job.seed!r}.")
    size = None if job.batch_size is None else whole(job.batch_size, "batch_size")
    share = job.validation_split
    number = isinstance(share, Real) and not isinstance(share, bool)
    if not number or not 0 <= share < 1:
        raise InvalidInput(
            "validation_split is a share, 0 or above and below 1. "
            f"Received: validation_split={share!r}."
        )
    _check_class_weight(job.class_weight)
    check_data(job.x, job.y, job.sample_weight)
    _check_validation(job.validation_data)
    return replace(job, epochs=epochs, seed=seed, batch_size=size, validation_split=float(share))


def check_data(x: Any, y: Any, sample_weight: Any, names: tuple[str, str] = ("x", "y")) -> None:
    """Refuse data that can't be trained on (data that isn't arrays is let pass, if it can be read
    more than once).

    Raises:
        InvalidInput: For data that can be read once only, lists of numbers, arrays of objects,
            empty arrays, NaN or infinity (with its place), different lengths.
    """
    named = [(names[0], x), (names[1], y), ("sample_weight", sample_weight)]
    if x is None:
        raise InvalidInput(f"{names[0]} is missing: arrays or a dataset. Received: None.")
    lengths: dict[int, str] = {}
    for name, data in named:
        _check_kind(data, name)
        for array in arrays(data):
            _check_array(array, name)
            lengths.setdefault(len(array), name)
    if len(lengths) > 1:
        told = ", ".join(f"{name} has {length}" for length, name in lengths.items())
        raise InvalidInput(
            f"Every array needs one row a sample, so all need the same length. Received: {told}."
        )


def arrays(data: Any) -> list[np.ndarray]:
    """The numpy arrays in a nest of dictionaries, lists and tuples."""
    if isinstance(data, np.ndarray):
        return [data]
    if isinstance(data, Mapping):
        data = list(data.values())
    if isinstance(data, list | tuple):
        return [array for member in data for array in arrays(member)]
    return []


def training_rows(job: Job) -> int | None:
    """Rows of the job's arrays that are trained on; `None` where the data isn't arrays."""
    found = arrays(job.x)
    if not found:
        return None
    rows = len(found[0])
    if job.validation_split and job.validation_data is None:
        rows = math.floor(rows * (1.0 - job.validation_split))
    return rows


def batches_of(job: Job) -> int | None:
    """Training batches in an epoch of the job, as `fit` would cut them; `None` if unknown."""
    rows = training_rows(job)
    if rows is not None:
        return -(-rows // (job.batch_size or 32))
    count = getattr(job.x, "num_batches", None)
    if isinstance(count, int):
        return count
    shape = getattr(job.x, "shape", None)
    if shape is not None:
        return None  # somebody else's arrays: their rows aren't batches
    try:
        return len(job.x)
    except TypeError:
        return None


def _check_kind(data: Any, name: str) -> None:
    if hasattr(data, "__next__"):
        raise InvalidInput(
            f"{name} can be read once only, and every trial reads it from its start. Give arrays, "
            f"or a dataset such as keras.utils.PyDataset. Received: {type(data).__name__}."
        )
    if isinstance(data, list | tuple) and _holds_numbers(data):
        raise InvalidInput(
            f"{name} is a list of numbers, which fit takes for a list of inputs. Write "
            f"numpy.asarray({name}). Received: {type(data).__name__} of {len(data)}."
        )
    if isinstance(data, str | bytes | Real):
        raise InvalidInput(
            f"{name} must be arrays or a dataset. Received: {data!r} ({type(data).__name__})."
        )


def _holds_numbers(data: Any) -> bool:
    if isinstance(data, list | tuple):
        return any(_holds_numbers(member) for member in data[:2])
    return isinstance(data, Real | str | np.generic)


def _check_array(array: np.ndarray, name: str) -> None:
    if array.dtype == object and not _are_strings(array):
        raise InvalidInput(
            f"{name} is an array of Python objects, not of numbers. Write "
            f"numpy.asarray({name}.tolist(), 'float32') (rows of different lengths need padding "
            f"first). Received: dtype=object, shape={array.shape}."
        )
    if not array.ndim or not array.size:
        raise InvalidInput(f"{name} holds no samples. Received: an array of shape {array.shape}.")
    _check_finite(array, name)


def _are_strings(array: np.ndarray) -> bool:
    # TensorFlow trains on text; the other backends refuse it when the model is called.
    return bool(array.size) and all(isinstance(value, str | bytes) for value in array.flat)


def _check_finite(array: np.ndarray, name: str) -> None:
    if array.dtype.kind not in "fc":
        return
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        bad = int(finite.size - finite.sum())
        raise InvalidInput(
            f"{name} holds {bad} value{'s' if bad > 1 else ''} that are NaN or infinite; training "
            f"would only spread them. Remove or fill them, e.g. numpy.nan_to_num({name}). "
            f"Received: {name}[{', '.join(map(str, place))}] = {array[place]}."
        )


def _check_class_weight(given: Any) -> None:
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


def _check_validation(data: Any) -> None:
    if data is None:
        return
    names = ("validation x", "validation y")
    if isinstance(data, tuple | list):
        if len(data) not in (2, 3):
            raise InvalidInput(
                "validation_data is (x_val, y_val), with weights as a third if you like. "
                f"Received: a {type(data).__name__} of {len(data)}."
            )
        check_data(data[0], data[1], data[2] if len(data) == 3 else None, names=names)
        return
    _check_kind(data, "validation_data")
    if hasattr(data, "dtype") or isinstance(data, Mapping):
        raise InvalidInput(
            "validation_data needs its targets too: validation_data=(x_val, y_val). "
            f"Received: {type(data).__name__}."
        )
