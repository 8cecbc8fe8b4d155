"""The reflected exponential."""

from dataclasses import dataclass, field
from typing import Any

from keras_lr.schedules.arithmetic import at_most, between, fill, real
from keras_lr.schedules.checks import falling, positive
from keras_lr.schedules.registry import register
from keras_lr.schedules.shapes.ramp import Ramp


@register
@dataclass(frozen=True)
class Rex(Ramp):
    """Stay high, fall late: end + (start − end)·(1 − p)/(1 − p·(1 − beta)), p = step/length.

    Chen, Wolfe & Kyrillidis, "REX: Revisiting Budgeted Training with an Improved Schedule" (2021),
    where beta is ½.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on, at most `start`.
        beta: Above 0. The smaller, the later it falls; 1 is a straight line.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Rex(length=10)([0, 5, 8, 10]).round(3)
    array([1.   , 0.667, 0.333, 0.   ])
    """

    example = "rex(end=0.1)"

    beta: float = field(default=0.5, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        falling(self.start, self.end, "Rex")
        object.__setattr__(self, "beta", positive(self.beta, "Rex", "beta"))

    def formula(self, step: Any, xp: Any) -> Any:
        """1/(1 + beta·p/(1 − p)), each step of which is monotone in floats too."""
        length: int = self.length  # type: ignore[assignment]
        step = at_most(step, length, xp)
        ahead = real(length - step, xp)
        some = xp.where(ahead > 0.0, ahead, fill(1.0, ahead, xp))
        share = 1.0 / (1.0 + self.beta * (real(step, xp) / some))
        share = xp.where(ahead > 0.0, share, fill(0.0, share, xp))
        return between(self.end, self.start, share, xp)
