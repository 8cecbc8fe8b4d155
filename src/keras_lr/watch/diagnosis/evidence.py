"""A run as the symptoms look at it: its training loss and its rate, side by side."""

from dataclasses import dataclass
from functools import partial
from typing import Literal, TypedDict

import numpy as np

from keras_lr.errors import InvalidInput, nearest
from keras_lr.state.curve_names import loss_of, validation_loss_of
from keras_lr.watch.diagnosis.rates import rate_names, rates_at, rates_of_epochs
from keras_lr.watch.run import Run

FEW_EPOCHS = 8
"""With fewer epochs than this, the loss is judged at updates where it was recorded there."""
CHUNKS = 60
"""Means that a loss at updates is judged by, at most."""


class Location(TypedDict):
    """Where a run shows something; the arguments of that name of a `Symptom`."""

    where: str
    epoch: int | None
    step: int | None
    span: tuple[float, float]
    unit: Literal["epoch", "step"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a run shows, in arrays of one length.

    Args:
        run: Where it comes from.
        unit: What a place is: an epoch, or a number of updates of which the loss is a mean.
        at: The places: epochs, the first is 1; or updates done.
        loss: The training loss there; what isn't finite is meant.
        name: What the run calls it.
        rates: The rate there (of several groups the highest); `None` where it wasn't logged.
        steps_per_epoch: Updates in an epoch; `None` where nobody knows.
    """

    run: Run
    unit: Literal["epoch", "step"]
    at: np.ndarray
    loss: np.ndarray
    name: str
    rates: np.ndarray | None
    steps_per_epoch: float | None

    @classmethod
    def of(
        cls, run: Run, *, loss: str | None = None, steps_per_epoch: float | None = None
    ) -> "Evidence":
        """The evidence of a run.

        Args:
            run: The run.
            loss: What it calls the training loss.
            steps_per_epoch: Updates in an epoch, where the run doesn't know.

        Raises:
            InvalidInput: There is no training loss.
        """
        name = loss if loss is not None else loss_of(filter(partial(_has, run), run.names))
        if name is None or not _has(run, name):
            known = sorted(run.names)
            there = f"Logged are: {', '.join(known)}." if loss is None else nearest(loss, known)
            raise InvalidInput(
                f"{run.name} has no {loss or 'loss'!r} to judge. {there} "
                'Write diagnose(..., loss="...") with the name of the training loss.'
            )
        per_epoch = steps_per_epoch or run.steps_per_epoch
        at_epochs = len(run.logged(name))
        if at_epochs < FEW_EPOCHS and name in run.steps:
            found = _at_updates(run, name)
            if found is not None and len(found[0]) > at_epochs:
                at, values = found
                return cls(run, "step", at, values, name, rates_at(run, at), per_epoch)
        return cls._of_epochs(run, name, per_epoch)

    @classmethod
    def _of_epochs(cls, run: Run, name: str, per_epoch: float | None) -> "Evidence":
        points = run.logged(name)
        at = np.array([epoch + 1 for epoch, _ in points], float)
        values = np.array([value for _, value in points], float)
        return cls(run, "epoch", at, values, name, rates_of_epochs(run, at), per_epoch)

    def by_epochs(self) -> "Evidence":
        """The same of the losses of epochs, where there are any."""
        if self.unit == "epoch" or not self.run.logged(self.name):
            return self
        return self._of_epochs(self.run, self.name, self.steps_per_epoch)

    @property
    def finite(self) -> bool:
        """Whether every loss is a number."""
        return bool(np.isfinite(self.loss).all())

    @property
    def rated(self) -> np.ndarray:
        """The rates; where they weren't logged or are 0 throughout, those of a constant one."""
        return np.ones(len(self.at)) if self.rates is None or self.at_rest else self.rates

    @property
    def at_rest(self) -> bool:
        """Whether the rate was logged, and as 0 throughout."""
        return self.rates is not None and not self.rates.max() > 0

    @property
    def validation(self) -> str:
        """What the run calls the loss on the validation data, or would."""
        return validation_loss_of(self.run.names, self.name) or f"val_{self.name}"

    @property
    def rate_names(self) -> tuple[str, ...]:
        """What the run calls the rate, or those of its groups; nothing where it has none."""
        return tuple(rate_names(self.run.names))

    @property
    def progress(self) -> float:
        """How far the loss came down at most from its first value; 0 if it never did."""
        values = self.loss[np.isfinite(self.loss)]
        return float(max(values[0] - values.min(), 0.0)) if len(values) else 0.0

    def curve(self, name: str) -> np.ndarray | None:
        """Another metric at the places of the loss, NaN where it has none; `None` without it."""
        points = {epoch + 1: value for epoch, value in self.run.logged(name)}
        if not points or self.unit != "epoch":
            return None
        return np.array([points.get(int(place), np.nan) for place in self.at])

    def epoch(self, index: int) -> int | None:
        """The epoch of a place (the first is 0), where it is known."""
        if self.unit == "epoch":
            return int(self.at[index]) - 1
        per_epoch = self.steps_per_epoch
        return None if per_epoch is None else int((self.at[index] - 1) // per_epoch)

    def step(self, index: int) -> int | None:
        """The updates done by a place, where that is known."""
        if self.unit == "step":
            return int(self.at[index])
        return (
            None if self.steps_per_epoch is None else round(self.at[index] * self.steps_per_epoch)
        )

    def place(self, index: int) -> str:
        """A place in words."""
        step = self.step(index)
        if self.unit == "step":
            return f"step {step}"
        return f"epoch {int(self.at[index])}" + (f" (step {step})" if step is not None else "")

    @property
    def each(self) -> str:
        """How far it is from one place to the next, in words."""
        if self.unit == "epoch":
            return "an epoch"
        return f"in {round(float(np.median(np.diff(self.at))))} steps"

    def stretch(self, first: int, last: int) -> str:
        """A stretch in words."""
        if first == last:
            return self.place(first)
        return f"{self.unit}s {int(self.at[first])} to {int(self.at[last])}"

    def location(self, first: int, last: int, begins: int | None = None) -> Location:
        """A stretch, as a `Symptom` holds it.

        Args:
            first: The first place that shows it.
            last: The last.
            begins: The place that counts as its beginning, where that is another than `first`.
        """
        begins = first if begins is None else begins
        return {
            "where": self.stretch(first, last),
            "epoch": self.epoch(begins),
            "step": self.step(begins),
            "span": self.span(first, last),
            "unit": self.unit,
        }

    def span(self, first: int, last: int) -> tuple[float, float]:
        """A stretch: its first place, and its last."""
        return float(self.at[first]), float(self.at[last])


def _has(run: Run, name: str) -> bool:
    return bool(run.logged(name)) or name in run.steps


def _at_updates(run: Run, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Means of a loss at updates; of a part that isn't finite, what it says."""
    curve = run.steps[name]
    steps, values = np.asarray(curve.steps, float), np.asarray(curve.values, float)
    if not len(steps):
        return None
    parts = np.array_split(np.arange(len(steps)), min(CHUNKS, len(steps)))
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.array([values[part].mean() for part in parts])
    return np.array([steps[part[-1]] for part in parts]), means
