"""The data of a job as arrays: as they are, or as they were read out of a dataset."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.recording import Recording

DATA = ("x", "y", "sample_weight", "validation_data")
"""The fields of a job that hold data."""


def is_dataset(data: Any) -> bool:
    """Whether it is something that Keras reads batch by batch, more than once."""
    if data is None or isinstance(data, Recording | Mapping | list | tuple):
        return False
    return not any(hasattr(data, name) for name in ("shape", "iloc", "__next__"))


def encode(value: Any, name: str) -> Any:
    """A field of `DATA` as plain data.

    Args:
        value: Arrays of any framework in any nest, pandas', or a `Recording`.
        name: The field, for the reason.

    Raises:
        NotPortable: It is neither.
    """
    if isinstance(value, Recording):
        return {"recorded": value.batches, "name": value.name}
    return {"arrays": as_arrays(value, name)}


def decode(value: Mapping[str, Any]) -> Any:
    """What `encode` encoded; a recording without copying its batches."""
    if "recorded" in value:
        return Recording.of(value["recorded"], value["name"])
    return value["arrays"]


def as_arrays(value: Any, name: str) -> Any:
    """A nest of arrays, each as NumPy's."""
    if value is None or isinstance(value, np.ndarray):
        return value
    if isinstance(value, Mapping):
        return {key: as_arrays(member, name) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_arrays(member, name) for member in value)
    if hasattr(value, "iloc") and hasattr(value, "to_numpy"):
        return value.to_numpy()  # pandas, which Keras takes apart in the same way
    import keras

    if keras.ops.is_tensor(value):
        return keras.ops.convert_to_numpy(value)
    if hasattr(value, "__array__") and hasattr(value, "shape"):
        return np.asarray(value)  # another backend's tensors, which Keras takes too
    raise NotPortable(
        f"{name} is a {type(value).__name__}, which is read in this process only (arrays travel)"
    )
