"""The batches of a job, in chunks: what `fit` would train and validate on, epoch by epoch."""

from collections.abc import Iterable
from typing import Any

from keras_lr.engines import internals
from keras_lr.engines.compiled.chunk import Chunk, chunks
from keras_lr.engines.trial import Job

HELD = 2**28
"""Bytes: an epoch of arrays below this is cut into chunks at once, so that all its shapes are
known (and compiled for) before it starts."""


class Feed:
    """Training and validation data of a job.

    Args:
        job: The job; its validation share is split off as `fit` does.
    """

    def __init__(self, job: Job) -> None:
        x, y, weight = job.x, job.y, job.sample_weight
        validation = job.validation_data
        if job.validation_split and validation is None:
            (x, y, weight), validation = internals.split_validation(
                x, y, weight, job.validation_split
            )
        self._training = {
            "x": x,
            "y": y,
            "sample_weight": weight,
            "class_weight": job.class_weight,
            "batch_size": job.batch_size,
            "shuffle": job.shuffle,
        }
        self._validation = None
        if validation is not None:
            x, y, weight = internals.unpack(validation)
            held_out = {"x": x, "y": y, "sample_weight": weight, "batch_size": job.batch_size}
            self._validation = held_out
        self._kept: list[Chunk] | None = None
        self._test_iterator: Any = None

    @property
    def validates(self) -> bool:
        """Whether there is validation data."""
        return self._validation is not None

    def start(self) -> Any:
        """A fresh iterator over the training data."""
        return internals.epoch_iterator(**self._training)

    def training(self, iterator: Any) -> Iterable[Chunk]:
        """The chunks of the iterator's next epoch."""
        found = chunks(internals.one_epoch(iterator))
        return list(found) if small(iterator) else found

    def validation(self) -> Iterable[Chunk]:
        """The chunks of the validation data, cut once where they are always the same."""
        if self._kept is not None:
            return self._kept
        assert self._validation is not None
        if self._test_iterator is None:
            self._test_iterator = internals.epoch_iterator(**self._validation, shuffle=False)
        self._test_iterator.reset()
        found = chunks(internals.one_epoch(self._test_iterator))
        if small(self._test_iterator):
            self._kept = list(found)
            return self._kept
        return found

    def restart(self) -> None:
        """Begin anew, as the next trial's `fit` would."""
        self._test_iterator = None


def small(iterator: Any) -> bool:
    """Whether the data are arrays of which a cut copy of an epoch may be held."""
    return internals.is_array_data(iterator) and internals.array_bytes(iterator) <= HELD
