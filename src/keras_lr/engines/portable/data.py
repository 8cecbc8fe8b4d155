"""The data of a job as arrays: as they are, or read out of a dataset."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from keras_lr.engines.origin import can_shuffle
from keras_lr.engines.portable import private
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.recording import LIMIT, Recording
from keras_lr.engines.trial import Job
from keras_lr.errors import InvalidInput

DATA = ("x", "y", "sample_weight", "validation_data")
"""The fields of a job that hold data."""


def read_datasets(job: Job, limit: int = LIMIT) -> Job:
    """The job with every dataset (tf.data, DataLoader, PyDataset, grain) read into a `Recording`.

    All epochs of one trial are read, each in the order that the dataset gives it then, so that a
    dataset that shuffles does so still.

    Args:
        job: A job; one whose data are arrays is given back as it is.
        limit: Bytes that a recording may have.

    Raises:
        NotPortable: A dataset has no known length, or is larger than that.
    """
    if is_dataset(job.x):
        job.begin()
        steps, batches = _training(job)
        recording = _recorded(batches, steps * job.epochs, "x", limit)
        job = replace(job, x=recording, steps_per_epoch=steps, class_weight=None)
    if is_dataset(job.validation_data):
        adapter = private.data_adapter(job.validation_data)
        steps = job.validation_steps or _length(adapter, "validation_data")
        batches = adapter.get_numpy_iterator()
        recording = _recorded(iter(batches), steps, "validation_data", limit)
        job = replace(job, validation_data=recording, validation_steps=steps)
    return job


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


def _training(job: Job) -> tuple[int, Iterator[Any]]:
    """Steps of an epoch, and the batches of all epochs."""
    shuffle = bool(job.shuffle) and can_shuffle(job.x)
    try:
        adapter = private.data_adapter(job.x, shuffle=shuffle, class_weight=job.class_weight)
    except ValueError as error:
        raise NotPortable(f"x can't be read ({' '.join(str(error).split())})") from error
    length = _length(adapter, "x")
    steps = job.steps_per_epoch or length
    if steps != length and steps * job.epochs > length:
        raise NotPortable(f"steps_per_epoch={steps} isn't the {length} batches of x")

    def batches() -> Iterator[Any]:
        # As `fit`: a look at the first batch builds the model, and counts as an epoch.
        adapter.on_epoch_begin()
        next(iter(adapter.get_numpy_iterator()))
        adapter.on_epoch_end()
        while True:
            adapter.on_epoch_begin()
            yield from adapter.get_numpy_iterator()
            adapter.on_epoch_end()

    return steps, batches()


def _length(adapter: Any, name: str) -> int:
    if not adapter.num_batches:
        raise NotPortable(f"{name} has no known length, so it can't be read out and sent")
    return adapter.num_batches


def _recorded(batches: Iterator[Any], count: int, name: str, limit: int) -> Recording:
    recording = Recording(batches, count, name, limit)
    try:
        recording.batches  # noqa: B018, read now, while the generators stand where they do
    except InvalidInput as error:
        raise NotPortable(
            f"{name} has more than the {limit / 2**30:g} GiB that are read out and sent"
            if "GiB" in str(error)
            else f"{name} can't be read out ({error})"
        ) from error
    return recording
