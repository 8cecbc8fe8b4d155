"""One cycle: up to the peak and down to almost nothing."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import COOLDOWNS, between, check_ramp, real
from keras_lr.schedules.checks import number
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rise from `start` to 1 and fall to `end`, which the cycle's *last* step has already.

    torch's `OneCycleLR` with two phases, step for step: of `length` steps, numbered from 0, the
    peak is at peak·length − 1 (which may lie between two steps), and the end is at length − 1; from
    there on the factor stays. (The other shapes reach their end at `length`, one step after the
    run's last.) The factor 1 is the optimizer's own rate: torch's `max_lr`. Smith & Topin,
    "Super-Convergence" (2018); the cosine is fastai's.

    Args:
        start: Factor at step 0, 0 to 1; torch's `1/div_factor`.
        end: Factor at the end, 0 to 1; torch's `1/(div_factor·final_div_factor)`.
        peak: Where the peak lies, as a part of the cycle (above 0, below 1); torch's `pct_start`.
        shape: "cosine" or "linear".
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> OneCycle(0.1, 0.0, peak=0.5, length=10)([0, 4, 9, 99])
    array([0.1, 1. , 0. , 0. ])
    """

    lengths = ("length",)
    example = "one_cycle(end=0.01, peak=0.4)"

    start: float = 0.04
    end: float = 4e-6
    _: KW_ONLY
    peak: float = 0.3
    shape: str = "cosine"
    length: Length | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", number(self.start, "OneCycle", "start", most=1.0))
        object.__setattr__(self, "end", number(self.end, "OneCycle", "end", most=1.0))
        object.__setattr__(self, "peak", number(self.peak, "OneCycle", "peak", most=1.0))
        if self.peak in (0.0, 1.0):
            raise InvalidInput(
                "OneCycle's peak lies inside the cycle: above 0, below 1. For a fall alone write "
                f"Cosine(), for a rise alone Linear(0, 1). Received: peak={self.peak!r}."
            )
        check_ramp(self.shape, "OneCycle", ("cosine", "linear"))
        length = tidy_length(self.length, "OneCycle's length", least=1, optional=True)
        object.__setattr__(self, "length", length)

    def formula(self, step: Any, xp: Any) -> Any:
        """The rise before the peak, the fall after it."""
        last: int = self.length - 1  # type: ignore[operator,assignment]
        top = max(self.peak * (last + 1) - 1.0, 0.0)
        ramp = COOLDOWNS[self.shape]
        ahead = real(last - xp.minimum(step, last), xp) / ((last - top) or 1.0)
        fall = between(self.end, 1.0, ramp(xp.minimum(ahead, 1.0), xp), xp)
        if top == 0.0:
            return fall
        behind = xp.minimum(real(step, xp) / top, 1.0)
        rise = between(self.start, 1.0, ramp(behind, xp), xp)
        return xp.where(behind < 1.0, rise, fall)
