"""The batches of a job, in chunks: what `fit` would train and validate on, epoch by epoch."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from keras_lr.engines import internals
from keras_lr.engines.compiled.chunk import Chunk, chunks
from keras_lr.engines.origin import Origin
from keras_lr.engines.recording import Recording
from keras_lr.engines.trial import Job
from keras_lr.state.random_state import RandomState

HELD = 2**28
"""Bytes: an epoch of arrays below this is cut into chunks at once, so that all its shapes are
known (and compiled for) before it starts."""


class Mark(NamedTuple):
    """Where a trial's `fit` begins to draw batches: of all generators, and of the data's own."""

    random: RandomState
    origin: Origin

    def restore(self) -> None:
        """Go back there."""
        self.random.restore()
        self.origin.restore()


class Feed:
    """Training and validation data of a job, read once an epoch for all lanes.

    Models of different structure that are trained on batches of one size share a feed, one after
    another, and what it keeps of the validation data.

    Args:
        job: The job; its validation share is split off as `fit` does.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        given = job.fit_arguments()
        x, y, weight = given["x"], given["y"], given["sample_weight"]
        validation = given["validation_data"]
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
            "steps": job.steps_per_epoch,
            "shuffle": given["shuffle"],
        }
        self._validation = None
        if validation is not None:
            x, y, weight = internals.unpack(validation)
            self._validation = {
                "x": x,
                "y": y,
                "sample_weight": weight,
                "batch_size": job.validation_batch_size or job.batch_size,
                "steps": job.validation_steps,
            }
        self._kept: list[Chunk] | None = None
        self._test_iterator: Any = None

    @property
    def validates(self) -> bool:
        """Whether there is validation data."""
        return self._validation is not None

    def start(self) -> Any:
        """A fresh iterator over the training data."""
        if isinstance(self._job.x, Recording):
            self._training["x"] = self._job.x.replay()
        return internals.epoch_iterator(**self._training)

    def mark(self) -> Mark:
        """The present place, for `restart`."""
        return Mark(RandomState.take(), Origin.take(self._job.x, self._job.validation_data))

    def restart(self, mark: Mark) -> Any:
        """Begin as a trial's `fit` would at that place; a fresh iterator, ready for its epochs."""
        self._test_iterator = None
        mark.restore()
        iterator = self.start()
        iterator.reset()
        return iterator

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
        if small(self._test_iterator) or self._recorded:
            self._kept = list(found)
            return self._kept
        return found

    @property
    def _recorded(self) -> bool:
        return isinstance(self._job.validation_data, Recording)


def small(iterator: Any) -> bool:
    """Whether the data are arrays of which a cut copy of an epoch may be held."""
    return internals.is_array_data(iterator) and internals.array_bytes(iterator) <= HELD
