"""One cycle: up to the peak and down to almost nothing."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_least, at_most, between, check_ramp, half_cosine, real
from keras_lr.schedules.checks import falling, number, shown, whole_number
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rise from `start` to 1 and fall to `end`, which the cycle's *last* step has already.

    torch's `OneCycleLR`, step for step: of `length` steps, numbered from 0, the peak is at
    peak·length − 1 (which may lie between two steps), and the end is at length − 1; from there on
    the factor stays. (The other shapes reach their end at `length`, one step after the run's last.)
    With three phases the fall is as long as the rise and leads back to `start`, at
    2·peak·length − 2; what is left of the cycle leads on to `end`. The factor 1 is the optimizer's
    own rate: torch's `max_lr`. Smith & Topin, "Super-Convergence" (2018), have three phases; two
    and the cosine are fastai's. A cycle too short for its peak leaves the rise out (of three phases
    the fall too).

    Args:
        start: Factor at step 0, 0 to 1; torch's `1/div_factor`.
        end: Factor at the end, 0 to 1; torch's `1/(div_factor·final_div_factor)`. With three
            phases at most `start`.
        peak: Where the peak lies, as a part of the cycle (above 0, below 1; with three phases at
            most 0.5); torch's `pct_start`.
        phases: 2, or 3 for torch's `three_phase=True`.
        shape: "cosine" or "linear".
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> OneCycle(0.1, 0.0, peak=0.5, length=10)([0, 4, 9, 99])
    array([0.1, 1. , 0. , 0. ])
    >>> OneCycle(0.1, 0.0, peak=0.3, phases=3, length=10)([0, 2, 4, 9]).round(3)
    array([0.1, 1. , 0.1, 0. ])
    """

    lengths = ("length",)
    example = "one_cycle(end=0.01, peak=0.4)"

    start: float = 0.04
    end: float = 4e-6
    _: KW_ONLY
    peak: float = 0.3
    phases: int = 2
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
        phases = whole_number(self.phases)
        if phases not in (2, 3):
            raise InvalidInput(
                "OneCycle has two phases or three (up, down, and on to the end): write phases=2 or "
                f"phases=3. Received: phases={shown(self.phases)}."
            )
        object.__setattr__(self, "phases", phases)
        if self.phases == 3:
            falling(self.start, self.end, "OneCycle's third phase")
            if self.peak > 0.5:
                raise InvalidInput(
                    "OneCycle's fall is as long as its rise where it has three phases, so that the "
                    "peak lies in the first half. Write peak=0.5 at most, or phases=2. "
                    f"Received: peak={self.peak!r}, phases=3."
                )
        check_ramp(self.shape, "OneCycle", ("cosine", "linear"))
        length = tidy_length(self.length, "OneCycle's length", least=1, optional=True)
        object.__setattr__(self, "length", length)

    def formula(self, step: Any, xp: Any) -> Any:
        """The rise before the peak, the fall after it, and what may follow the fall."""
        last: int = self.length - 1  # type: ignore[operator,assignment]
        top = self._top()
        ramp = half_cosine if self.shape == "cosine" else _straight
        step = at_most(step, last, xp)
        if self.phases == 2:
            ahead = real(last - step, xp) / ((last - top) or 1.0)
            value = between(self.end, 1.0, ramp(at_most(ahead, 1.0, xp), xp), xp)
        else:
            ahead = real(last - step, xp) / ((last - 2 * top) or 1.0)
            value = between(self.end, self.start, ramp(at_most(ahead, 1.0, xp), xp), xp)
            if top:
                whole = math.floor(2 * top)
                ahead = (real(at_least(whole - step, -1, xp), xp) + (2 * top - whole)) / top
                share = at_most(at_least(ahead, 0.0, xp), 1.0, xp)
                fall = between(self.start, 1.0, ramp(share, xp), xp)
                value = xp.where(ahead > 0.0, fall, value)
        if not top:
            return value
        behind = at_most(real(step, xp) / top, 1.0, xp)
        rise = between(self.start, 1.0, ramp(behind, xp), xp)
        return xp.where(behind < 1.0, rise, value)

    def marks(self) -> list[Mark]:
        """The nearest step to the peak and, of three phases, to the end of the fall."""
        top = self._top()
        if not top:
            return []
        peak = Mark(round(top), "peak")
        return [peak] if self.phases == 2 else [peak, Mark(round(2 * top), "last phase")]

    def _top(self) -> float:
        return max(self.peak * self.length - 1.0, 0.0)  # type: ignore[operator]


def _straight(share: Any, xp: Any) -> Any:
    return share
