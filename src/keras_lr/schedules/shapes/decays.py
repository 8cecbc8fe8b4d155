"""Decays that go on for ever: exponential and inverse time."""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.schedules.arithmetic import periods, power, real
from keras_lr.schedules.checks import number, positive
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.period import Period, resolve_period, tidy_period
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Exponential(Schedule):
    """Fall by `factor` over every `every`, a little at each step: factor^(step/every).

    Keras's `ExponentialDecay`. For drops (`staircase=True`) there is `StepDecay`.

    Args:
        factor: Above 0, at most 1.
        every: Steps, "1 epoch", or "10%" over which the factor is reached.

    >>> Exponential(0.25, every=10)([0, 5, 10])
    array([1.  , 0.5 , 0.25])
    """

    lengths = ("every",)
    example = "exponential(0.9, every=10%)"

    factor: float
    every: Period

    def __post_init__(self) -> None:
        object.__setattr__(self, "factor", positive(self.factor, "Exponential", "factor", most=1.0))
        object.__setattr__(self, "every", tidy_period(self.every, "Exponential's every"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The factor to the power of the periods so far, fractions included."""
        count = real(step, xp) / self.every  # type: ignore[operator]
        return power(self.factor, count, xp)

    def lay(self, horizon: Horizon, room: int) -> "Exponential":
        """`every` in steps."""
        return replace(self, every=resolve_period(self.every, horizon, "every"))


@register
@dataclass(frozen=True)
class TimeDecay(Schedule):
    """Inverse time: 1/(1 + decay·k), where k counts updates, or whole epochs.

    With `per="update"` it is what Keras 2's `decay=` argument did, step by step, and Keras's
    `InverseTimeDecay(rate, 1, decay)`. With `per="epoch"` the rate stays during an epoch and falls
    at its end, as that argument is often described.

    Args:
        decay: At least 0.
        per: "update", "epoch", or any length ("2 epochs", 100): k is how many have been finished.

    >>> TimeDecay(0.5)([0, 1, 2])
    array([1.        , 0.66666667, 0.5       ])
    >>> TimeDecay(0.5, per="epoch").resolve(steps=30, steps_per_epoch=10)([0, 9, 10, 20])
    array([1.        , 1.        , 0.66666667, 0.5       ])
    """

    example = "time_decay(0.1, per=10%)"

    decay: float
    per: Period = "update"

    def __post_init__(self) -> None:
        object.__setattr__(self, "decay", number(self.decay, "TimeDecay", "decay"))
        if not (isinstance(self.per, str) and self.per in ("update", "epoch")):
            object.__setattr__(self, "per", tidy_period(self.per, "TimeDecay's per"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The inverse of 1 + decay × periods so far."""
        every = 1 if self.per == "update" else self.per
        return 1.0 / (1.0 + self.decay * periods(step, every, xp))  # type: ignore[arg-type]

    def lay(self, horizon: Horizon, room: int) -> "TimeDecay":
        """`per` in steps, unless it is the update itself."""
        if self.per == "update":
            return self
        per = "1 epoch" if self.per == "epoch" else self.per
        return replace(self, per=resolve_period(per, horizon, "per"))

    def missing(self) -> str | None:
        """`per`, where it is in epochs or a share."""
        relative = isinstance(self.per, str) and self.per != "update"
        return f"per={self.per!r}" if relative else None

    def stretched(self, factor: float) -> "TimeDecay":
        """As far down after `factor` times as many updates or epochs."""
        from keras_lr.schedules.transforms.stretch import stretched_length

        if self.per == "update":
            return replace(self, decay=self.decay / factor)
        per = "1 epoch" if self.per == "epoch" else self.per
        return replace(self, per=stretched_length(per, factor, "per"))
