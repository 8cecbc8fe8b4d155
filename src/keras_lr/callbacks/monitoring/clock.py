"""Where a running fit stands, for those who watch it: in batches, updates and epochs."""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

from keras_lr.rate import Control
from keras_lr.rate.leaves import batches_per_update


class Clock:
    """Counts for whoever watches a fit.

    Args:
        control: What the callbacks of the fit share.

    Attributes:
        epoch: The number of the epoch (the first is 0).
        first: The number of the fit's first epoch.
        epochs: The number at which the fit ends.
        batches: Of an epoch; 0 where nobody knows.
        accumulated: Batches of one update.
    """

    def __init__(self, control: Control) -> None:
        self._control = control
        self.epoch = self.batches = 0
        self.first: int | None = None
        self.epochs = 1
        self._begins: list[tuple[int, int]] = []  # batches of the run before an epoch, its number
        self.accumulated: int = batches_per_update(control.leaves[0])

    def begin_epoch(self, epoch: int, params: Mapping[str, Any] | None) -> None:
        """An epoch begins.

        Args:
            epoch: Its number.
            params: What Keras tells callbacks of the fit.
        """
        told = params or {}
        self.epoch, self.epochs = epoch, int(told.get("epochs") or 1)
        self.batches = int(told.get("steps") or 0)
        self.first = epoch if self.first is None else self.first
        self._control.place.start(epoch * self.batches)
        self._control.between.expect_epoch(self.batches)
        self._begins.append((self._control.place.done, epoch))

    def epoch_of(self, batch: int) -> int:
        """The epoch in which so many batches of the run were done; of an epoch's end, that epoch.

        Told by where each epoch began: data may have no length, and an optimizer may skip batches.
        """
        at = bisect_left(self._begins, batch, key=lambda each: each[0])
        return self._begins[max(0, at - 1)][1] if self._begins else self.epoch

    @property
    def done(self) -> int:
        """Batches that this epoch has done."""
        between = self._control.between
        return 0 if between.expected else between.done

    @property
    def updates(self) -> int:
        """Updates that the run has done."""
        return max(0, self._control.place.done // self.accumulated)

    @property
    def steps_per_epoch(self) -> float | None:
        """Updates of an epoch; `None` where nobody knows."""
        return self.batches / self.accumulated or None
