"""A run's curves on one axis: of epochs where it has any, of updates where it hasn't."""

import math
from typing import Any

from keras_lr.watch.run.run import Run
from keras_lr.watch.thinning import kept

MOST = 1000
"""Points that a line is drawn with, at most."""


def x_name(run: Run) -> str:
    """What the run's axis counts."""
    return "epoch" if _in_epochs(run) else "step"


def points(run: Run, name: str) -> list[tuple[float, float]]:
    """A curve of a run, every point: where, and what, finite or not.

    Epoch 1 ends at 1, so a value at an update lies between the ends of two epochs.

    >>> points(Run({"loss": [2.0, 1.0]}), "loss")
    [(1.0, 2.0), (2.0, 1.0)]
    """
    curve = run.steps.get(name)
    if curve is not None and (name not in run.history or run.steps_per_epoch):
        return [
            (place(run, step), value) for step, value in zip(curve.steps, curve.values, strict=True)
        ]
    return [(float(epoch + 1), value) for epoch, value in run.logged(name)]


def last_value(run: Run, name: str) -> float:
    """What a curve ended as: not finite as soon as its last epoch, or its last update, isn't.

    Args:
        run: The run.
        name: A curve of it that has a point.
    """
    ends = [value for _, value in [*run.logged(name)[-1:], *points(run, name)[-1:]]]
    return next((value for value in ends if not math.isfinite(value)), ends[-1])


def line(run: Run, name: str) -> tuple[list[float], list[float | None]]:
    """A curve as it is drawn: of a long one the peaks and dips, gaps where it isn't finite.

    >>> line(Run({"loss": [2.0, 1.0]}), "loss")
    ([1.0, 2.0], [2.0, 1.0])
    """
    every = points(run, name)
    shown = [every[i] for i in kept([value for _, value in every], MOST)]
    return [x for x, _ in shown], [v if math.isfinite(v) else None for _, v in shown]


def place(run: Run, step: float) -> float:
    """Where an update lies on the run's axis."""
    if not _in_epochs(run) or not run.steps_per_epoch:
        return step
    return step / run.steps_per_epoch


def event_place(run: Run, event: Any) -> float:
    """Where an event lies on the run's axis: at its update where that is known to the epoch."""
    ended = event.epoch + 1
    if x_name(run) == "step":
        return event.step
    if not run.steps_per_epoch:
        return ended
    at = place(run, event.step)
    return at if event.epoch <= at <= ended else ended


def _in_epochs(run: Run) -> bool:
    return bool(run.history) or bool(run.steps_per_epoch)
