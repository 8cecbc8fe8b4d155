"""Batches of an iterator, kept in memory, so that data which can be read once serves every trial."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_lr.engines.data_checks import as_array
from keras_lr.errors import InvalidInput

LIMIT = 2 * 2**30
"""Bytes that a recording may hold. More than that belongs into a file that can be read again."""


class Recording:
    """The first batches of a generator, read once and given out as often as is asked.

    Nothing is read before it is needed, so a mistake elsewhere doesn't use the generator up.

    Args:
        source: An iterator of batches: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        count: Batches to record: all that a trial reads.
        name: What the user calls it, for errors.
        limit: Bytes to hold at most.
    """

    def __init__(self, source: Iterator[Any], count: int, name: str, limit: int = LIMIT) -> None:
        self.source = source
        self.count = count
        self.name = name
        self.limit = limit
        self._batches: list[tuple[Any, ...]] = []
        self._held = 0

    @classmethod
    def of(cls, batches: list[tuple[Any, ...]], name: str) -> "Recording":
        """A recording of batches that are all there: tuples of nests of NumPy arrays."""
        made = cls(iter(()), len(batches), name)
        made._batches = list(batches)
        return made

    @property
    def batches(self) -> list[tuple[Any, ...]]:
        """The batches, read now if they weren't yet.

        Raises:
            InvalidInput: There are fewer of them, they need more than `limit` bytes, or they
                aren't tuples of arrays.
        """
        while len(self._batches) < self.count:
            try:
                batch = next(self.source)
            except StopIteration:
                raise InvalidInput(self._short()) from None
            self.add(batch)
        return self._batches

    def add(self, batch: Any) -> None:
        """Take note of the next batch.

        Raises:
            InvalidInput: More than `limit` bytes will be needed, or it is no tuple of arrays.
        """
        batch = _copy(batch, self.name)
        self._held += _size(batch)
        # The first batch tells what all of them will need: none is read in vain.
        whole = 0 if self._batches else _size(batch) * self.count
        if max(self._held, whole) > self.limit:
            raise InvalidInput(self._large(_size(batch)))
        self._batches.append(batch)

    def replay(self) -> Iterator[tuple[Any, ...]]:
        """A new generator over the batches, as `fit` takes it."""
        return (batch for batch in self.batches)

    def dataset(self) -> Any:
        """A `keras.utils.PyDataset` of the batches, for data that is read anew after every epoch."""
        import keras

        batches = self.batches

        class Recorded(keras.utils.PyDataset):
            """Batches in their recorded order."""

            def __len__(self) -> int:
                return len(batches)

            def __getitem__(self, index: int) -> Any:
                return batches[index]

        return Recorded()

    def _short(self) -> str:
        count = len(self._batches)
        if not count:
            return f"{self.name} yields no batches; it may have been read before. Make a new one."
        return (
            f"{self.name} ends after {count} batches, and a trial reads {self.count} "
            f"({'validation_steps' if 'validation' in self.name else 'steps_per_epoch × epochs'}). "
            "Let it go on (while True: ...), or lower the number of steps or epochs."
        )

    def _large(self, batch: int) -> str:
        return (
            f"{self.name} can be read once only, so its batches are kept in memory for all trials: "
            f"{self.count} of {batch / 2**20:.1f} MiB, where at most {self.limit / 2**30:g} GiB are. "
            "Give data that can be read again (a keras.utils.PyDataset, or numpy.memmap arrays "
            "from a file), or fewer steps or epochs."
        )


def restarted(data: Any) -> Any:
    """Training data as the next `fit` takes it: a recording from its first batch, else itself."""
    return data.replay() if isinstance(data, Recording) else data


def reread(data: Any) -> Any:
    """Validation data as `fit` takes it: a recording as a dataset, else itself."""
    return data.dataset() if isinstance(data, Recording) else data


def _copy(batch: Any, name: str) -> tuple[Any, ...]:
    import keras

    if isinstance(batch, list):
        batch = tuple(batch)
    if not isinstance(batch, tuple) or not 1 <= len(batch) <= 3:
        raise InvalidInput(
            f"{name} must yield tuples of one to three: (x,), (x, y) or (x, y, sample_weight). "
            f"Received: {type(batch).__name__}."
        )
    # Generators like to fill the same buffer again and again.
    return keras.tree.map_structure(_array, batch)


def _array(leaf: Any) -> Any:
    return None if leaf is None else np.array(as_array(leaf))


def _size(batch: Any) -> int:
    import keras

    return sum(leaf.nbytes for leaf in keras.tree.flatten(batch) if leaf is not None)
