"""A rise that levels off."""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.schedules.arithmetic import real
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.period import Period, resolve_period, tidy_period
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Saturation(Schedule):
    """Rise towards 1 without an end: 1 − e^(−(step + 1)/timescale).

    It is the exponential warmup, to be multiplied with a schedule that runs underneath it:
    `Saturation(1000) * Cosine()`. Ma & Yarats, "On the adequacy of untuned warmup for adaptive
    optimization" (2021), take 1/(1 − beta_2) steps, 1000 for Adam at its defaults; pytorch_warmup's
    `ExponentialWarmup` and `UntunedExponentialWarmup`.

    Args:
        timescale: Steps (a fraction will do), "5%" of the run, or "1 epoch", after which 63 % of
            the way are done (95 % after three of them).

    >>> Saturation(10)([0, 9, 29]).round(3)
    array([0.095, 0.632, 0.95 ])
    """

    lengths = ("timescale",)
    example = "saturation(5%)"

    timescale: Period

    def __post_init__(self) -> None:
        timescale = tidy_period(self.timescale, "Saturation's timescale")
        object.__setattr__(self, "timescale", timescale)

    def formula(self, step: Any, xp: Any) -> Any:
        """The exponential's distance from 1, without cancellation at the start."""
        return -xp.expm1((real(step, xp) + 1.0) / -self.timescale)  # type: ignore[operator]

    def lay(self, horizon: Horizon, room: int) -> "Saturation":
        """The timescale in steps."""
        return replace(self, timescale=resolve_period(self.timescale, horizon, "timescale"))
