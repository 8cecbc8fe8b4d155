"""Schedules that stay and drop: by a factor every so often, or to given values."""

import math
from dataclasses import dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import fill, period_ratio, periods, power, real
from keras_lr.schedules.boundaries import resolve_boundaries, tidy_boundaries
from keras_lr.schedules.checks import number, positive
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length
from keras_lr.schedules.marks import MOST_MARKS, Mark
from keras_lr.schedules.period import Period, resolve_period, tidy_period
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiply by `factor` every so often: factor^⌊step/every⌋ ("drop-based").

    Keras's `ExponentialDecay(staircase=True)`, torch's `StepLR`.

    Args:
        factor: Above 0, at most 1.
        every: Steps, "10 epochs", or "30%" between two drops. The first drop comes after `every`.

    >>> StepDecay(0.5, every=10)([0, 9, 10, 20])
    array([1.  , 1.  , 0.5 , 0.25])
    """

    lengths = ("every",)
    example = "step_decay(factor=0.5, every=10%)"

    factor: float = 0.5
    every: Period = "10 epochs"

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", positive(self.factor, "StepDecay", "factor", most=1.0))
        object.__setattr__(self, "every", tidy_period(self.every, "StepDecay's every"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The factor to the power of the drops so far."""
        drops = periods(step, self.every, xp)  # type: ignore[arg-type]
        return power(self.factor, drops, xp)

    def lay(self, horizon: Horizon, room: int) -> "StepDecay":
        """`every` in steps."""
        return replace(self, every=resolve_period(self.every, horizon, "every"))

    def marks(self) -> list[Mark]:
        """The first drops."""
        if self.factor == 1.0:
            return []
        every = period_ratio(self.every)  # type: ignore[arg-type]
        drops = {math.ceil(every * drop) for drop in range(1, MOST_MARKS + 1)}
        return [Mark(step, "drop") for step in sorted(drops) if step <= MOST_STEPS]


@register
@dataclass(frozen=True)
class Piecewise(Schedule):
    """Constant between boundaries; *at* a boundary the new value holds already.

    As torch's `MultiStepLR` and optax; Keras's `PiecewiseConstantDecay` keeps the old value for one
    more step: its boundaries b are b + 1 here.

    Args:
        boundaries: Where the value changes, increasing: steps, "30 epochs", or "50%" of the run,
            counted from where the schedule starts.
        values: The factors, one more than boundaries; they may rise.

    >>> Piecewise([10, 20], [1.0, 0.5, 0.1])([0, 9, 10, 19, 20])
    array([1. , 1. , 0.5, 0.5, 0.1])
    """

    lengths = ("boundaries",)
    example = "piecewise([30%, 60%], values=[1.0, 0.5, 0.1])"

    boundaries: tuple[Length, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "boundaries", tidy_boundaries(self.boundaries, "Piecewise"))
        if not isinstance(self.values, list | tuple):
            raise InvalidInput(f"Piecewise needs a list of values. Received: {self.values!r}.")
        values = tuple(number(value, "Piecewise", "value") for value in self.values)
        object.__setattr__(self, "values", values)
        if len(values) != len(self.boundaries) + 1:
            raise InvalidInput(
                "Piecewise needs one value more than it has boundaries. Received: "
                f"{len(self.boundaries)} boundaries, {len(values)} values."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """The value of the last boundary that `step` has reached."""
        value = fill(self.values[0], real(step, xp), xp)
        for boundary, later in zip(self.boundaries, self.values[1:], strict=True):
            value = xp.where(step >= boundary, fill(later, value, xp), value)
        return value

    def lay(self, horizon: Horizon, room: int) -> "Piecewise":
        """Boundaries in steps."""
        return replace(self, boundaries=resolve_boundaries(self.boundaries, horizon, "Piecewise"))

    def marks(self) -> list[Mark]:
        """The boundaries."""
        return [Mark(step, "next value") for step in self.boundaries]  # type: ignore[arg-type]
