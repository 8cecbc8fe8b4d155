"""What is refused of a job before anything is trained: lengths, seeds, data of the wrong kind."""

import math
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from keras_lr.engines.data_checks import (
    check_class_weight,
    check_data,
    check_validation,
    is_array_data,
    is_iterator,
)
from keras_lr.engines.origin import Origin
from keras_lr.engines.recording import Recording
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
        The job as engines want it: NumPy's numbers made plain, iterators as recordings (which
        nothing has been read of yet), and note taken of where the data's own order begins.

    Raises:
        InvalidInput: With what is wrong, and what to write.
    """
    epochs, seed = whole(job.epochs, "epochs"), whole(job.seed, "seed", 0)
    if seed >= 2**32:
        raise InvalidInput(f"seed must be below 2**32. Received: seed={job.seed!r}.")
    names = ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size")
    lengths = {
        name: None if getattr(job, name) is None else whole(getattr(job, name), name)
        for name in names
    }
    share = job.validation_split
    number = isinstance(share, Real) and not isinstance(share, bool)
    if not number or not 0 <= share < 1:
        raise InvalidInput(
            "validation_split is a share, 0 or above and below 1. "
            f"Received: validation_split={share!r}."
        )
    check_class_weight(job.class_weight)
    check_data(job.x, job.y, job.sample_weight)
    check_validation(job.validation_data)
    job = replace(job, epochs=epochs, seed=seed, validation_split=float(share), **lengths)
    job = replace(
        job,
        x=_recorded(job.x, "x", "steps_per_epoch", job.steps_per_epoch, epochs),
        validation_data=_recorded(
            job.validation_data, "validation_data", "validation_steps", job.validation_steps, 1
        ),
    )
    if share and job.validation_data is None and not is_array_data(job.x):
        raise InvalidInput(
            "validation_split splits arrays only. Give validation_data=, a second dataset. "
            f"Received: validation_split={share!r}."
        )
    _check_split(job)
    _check_steps(job)
    return replace(job, origin=Origin.take(job.x, job.validation_data))


def training_rows(job: Job) -> int | None:
    """Rows of the job's arrays that an epoch trains on; `None` where the data isn't arrays."""
    rows = _rows(job)
    if rows is not None and job.steps_per_epoch and job.batch_size:
        rows = min(rows, job.steps_per_epoch * job.batch_size)
    return rows


def batches_of(job: Job) -> int | None:
    """Training batches in an epoch of the job, as `fit` would cut them; `None` if unknown."""
    return job.steps_per_epoch or _batches_in_data(job)


def short_epochs(job: Job) -> str | None:
    """Why some epochs would have fewer steps than others, or `None` where none would.

    Where data ends inside an epoch of `steps_per_epoch` steps, `fit` ends that epoch there.
    """
    steps, held = job.steps_per_epoch, _batches_in_data(job)
    if steps is None or held is None or isinstance(job.x, Recording) or held % steps == 0:
        return None
    if held >= steps * job.epochs:
        return None
    return f"steps_per_epoch={steps} doesn't divide the {held} batches of the data"


def _batches_in_data(job: Job) -> int | None:
    if isinstance(job.x, Recording):
        return job.x.count
    rows = _rows(job)
    if rows is not None:
        if not job.batch_size and job.steps_per_epoch:
            return -(-rows // -(-rows // job.steps_per_epoch))
        return -(-rows // (job.batch_size or 32))
    if type(job.x).__module__.partition(".")[0] == "grain":
        return None  # Keras doesn't ask a grain dataset for its length, so fit doesn't know it
    try:
        return job.x.num_batches if hasattr(job.x, "num_batches") else len(job.x)
    except (TypeError, NotImplementedError):
        return None  # tf.data raises TypeError for what is infinite or unknown


def _rows(job: Job) -> int | None:
    """Rows of the arrays that are trained on; `None` where the data isn't arrays."""
    if not is_array_data(job.x):
        return None
    from keras import tree

    leaves = [leaf for leaf in tree.flatten(job.x) if getattr(leaf, "shape", None)]
    if not leaves:
        return None
    rows = int(leaves[0].shape[0])
    if job.validation_split and job.validation_data is None:
        rows = math.floor(rows * (1.0 - job.validation_split))
    return rows


def _recorded(data: Any, name: str, steps_name: str, steps: int | None, epochs: int) -> Any:
    if not is_iterator(data):
        return data
    if steps is None:
        raise InvalidInput(
            f"{name} can be read once only, so its batches are kept for all trials, and it doesn't "
            f"say how many there are. Write {steps_name}= (or give arrays, or a "
            f"keras.utils.PyDataset). Received: {type(data).__name__}."
        )
    return Recording(data, steps * epochs, name)


def _check_split(job: Job) -> None:
    """Refuse a split that leaves no row on one side."""
    held, trained = _rows(replace(job, validation_split=0.0)), _rows(job)
    if not job.validation_split or job.validation_data is not None or trained is None:
        return
    if trained in (0, held):
        what = "train" if not trained else "validate"
        raise InvalidInput(
            f"validation_split={job.validation_split!r} of {held} row{'s' * (held != 1)} leaves "
            f"none to {what} on. Give more rows, or validation_data=(x_val, y_val)."
        )


def _check_steps(job: Job) -> None:
    if job.steps_per_epoch is None:
        return
    held = _batches_in_data(job)
    if held is not None and held < job.steps_per_epoch:
        raise InvalidInput(
            f"The data has {held} batches, so an epoch can't have {job.steps_per_epoch}. Leave "
            "steps_per_epoch out, or let the dataset repeat. "
            f"Received: steps_per_epoch={job.steps_per_epoch}."
        )
