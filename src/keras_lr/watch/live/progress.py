"""Where a running fit stands, in numbers and in words."""

import math
from dataclasses import dataclass
from typing import Literal

from keras_lr.time_left import clock
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import points
from keras_lr.watch.style import number

State = Literal["running", "done", "stopped"]


@dataclass(frozen=True)
class Progress:
    """Where a fit stands.

    Args:
        epoch: The number of the epoch (the first is 0).
        epochs: The number at which the fit ends.
        batch: Batches that the epoch has done.
        batches: Of an epoch; 0 where nobody knows.
        seconds: Since the fit began.
        left: Seconds until it ends, estimated; `None` where that can't be.
        state: Whether it goes on, came to its end, or was stopped before.
        first: The number of its first epoch, above 0 where it went on with an earlier one.

    >>> Progress(2, 20, 30, 100).words()
    'epoch 3 of 20, batch 30 of 100'
    >>> Progress(19, 20, 100, 100, seconds=75, state="done").words()
    'done: 20 epochs in 1:15'
    >>> Progress(7, 8, seconds=3, state="done", first=4).words()
    'done: 4 of 8 epochs in 0:03'
    """

    epoch: int
    epochs: int
    batch: int = 0
    batches: int = 0
    seconds: float = 0.0
    left: float | None = None
    state: State = "running"
    first: int = 0

    def words(self) -> str:
        """In words."""
        if self.state == "done":
            count = self.epoch + 1
            here = f"{count - self.first} of " if self.first else ""
            return f"done: {here}{count} epoch{'s' * (count != 1)} in {clock(self.seconds)}"
        told = f"epoch {self.epoch + 1} of {self.epochs}"
        if self.state == "stopped":
            return f"stopped in {told}, after {clock(self.seconds)}"
        of = f" of {self.batches}" if self.batches else ""
        told += f", batch {self.batch}{of}" if self.batch else ""
        return told + (f", about {clock(self.left)} left" if self.left is not None else "")


def latest(run: Run, state: State = "done") -> list[str]:
    """The last value of each loss, with the lowest of those of validation, and of the rate.

    While a run goes on these are of its last steps, then of its last epoch.

    >>> latest(Run({"loss": [1.0, 0.5], "val_loss": [0.9, 1.1]}))
    ['loss 0.5', 'val_loss 1.1 (lowest 0.9, epoch 1)']
    """
    told = []
    for name in [*run.losses, *run.rates]:
        found = [(y, x) for x, y in points(run, name)]
        if state == "done" and (logged := run.logged(name)):
            found.append((logged[-1][1], logged[-1][0] + 1.0))
        if not found:
            continue
        last = found[-1][0]
        text = f"{name.replace('learning_rate', 'learning rate', 1)} {number(last)}"
        finite = [(y, x) for y, x in found if math.isfinite(y)]
        if name == run.validation_loss and finite and min(finite)[0] != last:
            value, epoch = min(finite)
            text += f" (lowest {number(value)}, epoch {number(epoch)})"
        told.append(text)
    return told
