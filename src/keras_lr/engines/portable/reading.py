"""Datasets read out here, for a process that can't: by a `fit` that only takes note of its batches.

In which order a dataset gives its batches depends on when it is asked, and on what draws random
numbers before and between: the model's weights, a look at the first batch, validation. A `fit` of
a trial's model does all that as it is done here, on each backend in its way.
"""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras_lr.engines.job_checks import batches_of
from keras_lr.engines.models import make_model
from keras_lr.engines.portable import private
from keras_lr.engines.portable.data import is_dataset
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.recording import LIMIT, Recording
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.errors import InvalidInput


def read_datasets(
    job: Job, arguments: Mapping[str, Any] | None = None, *, limit: int = LIMIT
) -> Job:
    """The job with every dataset (tf.data, DataLoader, PyDataset, grain) read into a `Recording`.

    All epochs of one trial are read, as its `fit` would read them, so that a dataset that shuffles
    does so still.

    Args:
        job: A job; one whose data are arrays is given back as it is.
        arguments: Those of `build_model` for that trial, by default none.
        limit: Bytes that a recording may have.

    Raises:
        NotPortable: A dataset has no known length, is larger than that, or can't be read.
    """
    trains, validates = is_dataset(job.x), is_dataset(job.validation_data)
    if not trains and not validates:
        return job
    steps = batches_of(job)
    if trains and steps is None:
        raise NotPortable("x has no known length, so it can't be read out and sent")
    epochs = job.epochs if trains else 1
    x = _Notes(Recording(iter(()), (steps or 0) * epochs, "x", limit), taken=trains)
    held_out = _Notes(Recording(iter(()), 0, "validation_data", limit), taken=validates)
    try:
        _fit(replace(job, epochs=epochs), arguments or {}, x, held_out)
        if trains:
            recording = Recording.of(x.recording.batches, "x")
            job = replace(job, x=recording, steps_per_epoch=steps, class_weight=None)
    except InvalidInput as error:
        raise _refusal(error, limit) from error
    if validates:
        recording = Recording.of(held_out.recording.batches, "validation_data")
        job = replace(job, validation_data=recording, validation_steps=recording.count)
    return job


class _Notes:
    """In the place of a model's step: takes note of the batch that it is given.

    Args:
        recording: Where.
        taken: Whether; otherwise the batch is read all the same, as `fit` would.
    """

    def __init__(self, recording: Recording, *, taken: bool) -> None:
        self.recording = recording
        self.taken = taken

    def __call__(self, *arguments: Any) -> Any:
        # Torch's `fit` hands over a list of one batch; the others an iterator, and JAX its state.
        *state, source = arguments
        batch = source[0] if isinstance(source, list | tuple) else next(source)
        if self.taken:
            self.recording.add(batch)
        return ({}, *state) if state else {}


class _Read(Exception):
    """All is read: ends a `fit` before it does to the weights what follows training."""


def _fit(job: Job, arguments: Mapping[str, Any], x: _Notes, held_out: _Notes) -> None:
    import keras

    class End(keras.callbacks.Callback):
        """Sees to it that validation data, the same in each epoch, is kept once."""

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            held_out.taken = False
            if epoch == job.epochs - 1:
                raise _Read

    model = make_model(job, TrialSpec(arguments=arguments))
    private.take_steps_over(model, x, held_out)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of data that ends too early, which is told otherwise
        try:
            model.fit(**job.fit_arguments(), verbose=0, callbacks=[End()])
        except _Read:
            return
        except InvalidInput:
            raise
        except Exception as error:
            told = " ".join(str(error).split())[:200]
            raise NotPortable(f"the data can't be read out ({told})") from error


def _refusal(error: InvalidInput, limit: int) -> NotPortable:
    if "GiB" in str(error):
        size = f"{limit / 2**30:g} GiB"
        return NotPortable(f"the data has more than the {size} that are read out and sent")
    return NotPortable(f"the data can't be read out ({error})")
