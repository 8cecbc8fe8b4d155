"""Where a run stands, by the optimizers' own counts."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any


class Place:
    """Batches of the run that each leaf has taken in, as its `iterations` count them.

    These are what schedules count: so not those of an epoch that ran out of data, nor those that a
    `LossScaleOptimizer` skipped.

    Args:
        leaves: The optimizers that hold a rate.
    """

    def __init__(self, leaves: list[Any]) -> None:
        self._leaves = leaves
        self._offsets: list[int] | None = None

    def start(self, batches: int) -> None:
        """Say after how many batches of the run this fit begins; the first to say it is heard."""
        if self._offsets is None:
            self._offsets = [batches - count for count in self._counts()]

    def carry(self, offsets: Sequence[int]) -> None:
        """Go on from another place's offsets."""
        self._offsets = list(offsets)

    def move_to(self, batches: int) -> None:
        """Say anew how many batches of the run are done."""
        self._offsets = [batches - count for count in self._counts()]

    @property
    def offsets(self) -> list[int]:
        """For each leaf, what is added to its `iterations`; before the start, none is done."""
        return [-count for count in self._counts()] if self._offsets is None else self._offsets

    @property
    def done(self) -> int:
        """Batches that the first leaf has taken in."""
        return self._counts()[0] + self.offsets[0]

    @contextlib.contextmanager
    def kept(self) -> Iterator[list[int]]:
        """Let the run go on where it stands, though `iterations` are set back inside.

        Yields:
            A list that holds, afterwards, by how much each leaf's was.
        """
        before, offsets, lost = self._counts(), self.offsets, []
        yield lost
        lost.extend(then - now for then, now in zip(before, self._counts(), strict=True))
        self._offsets = [each + more for each, more in zip(offsets, lost, strict=True)]

    def _counts(self) -> list[int]:
        return [int(leaf._iterations.numpy()) for leaf in self._leaves]
