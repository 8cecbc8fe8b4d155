"""Inverse square root of the step."""

from dataclasses import dataclass
from typing import Any

from keras_lr.schedules.arithmetic import real
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class InverseSqrt(Schedule):
    """Fall as √(timescale/(timescale + step)), for ever: half of it is lost in three timescales.

    After a warmup of W steps, `InverseSqrt(W).warmup(W)` is √(W/step): Megatron's and fairseq's
    `inverse_sqrt`, and the default of transformers' `get_inverse_sqrt_schedule` (whose `timescale`
    this is). Vaswani et al., "Attention Is All You Need" (2017).

    Args:
        timescale: Steps, "10%" of the run, or "1 epoch"; at least 1 step.

    >>> InverseSqrt(10)([0, 30, 80]).round(3)
    array([1.   , 0.5  , 0.333])
    """

    lengths = ("timescale",)
    example = "inverse_sqrt(10%)"

    timescale: Length

    def __post_init__(self) -> None:
        timescale = tidy_length(self.timescale, "InverseSqrt's timescale", least=1)
        object.__setattr__(self, "timescale", timescale)

    def formula(self, step: Any, xp: Any) -> Any:
        """One root and one inverse of 1 + step/timescale."""
        return 1.0 / xp.sqrt(1.0 + real(step, xp) / self.timescale)  # type: ignore[operator]
