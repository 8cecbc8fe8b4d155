"""A straight line on a logarithmic axis."""

import math
from dataclasses import dataclass
from typing import Any

from keras_lr.schedules.arithmetic import done, fill, left
from keras_lr.schedules.checks import positive
from keras_lr.schedules.registry import register
from keras_lr.schedules.shapes.ramp import Ramp


@register
@dataclass(frozen=True)
class Geometric(Ramp):
    """From `start` to `end` by the same factor at each step: start·(end/start)^(step/length).

    A straight line on a logarithmic axis; it may rise. The sweep of a range test (Smith,
    "Cyclical Learning Rates", 2017) and the last stage of fairseq's tri-stage schedule. For a
    decay by a factor every so often, with no end, there is `Exponential`.

    Args:
        start: Factor at step 0, above 0.
        end: Factor from step `length` on, above 0.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Geometric(1.0, 0.01, length=10)([0, 5, 10, 99])
    array([1.  , 0.1 , 0.01, 0.01])
    """

    example = "geometric(1.0, end=0.02)"

    end: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "start", positive(self.start, "Geometric", "start"))
        object.__setattr__(self, "end", positive(self.end, "Geometric", "end"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The curve, computed downwards from its higher end, where a rounding counts for most."""
        length: int = self.length  # type: ignore[assignment]
        share = (left if self.start <= self.end else done)(step, length, xp)
        low, high = min(self.start, self.end), max(self.start, self.end)
        value = high * xp.exp((math.log(low) - math.log(high)) * share)
        bottom = fill(low, share, xp)
        return xp.where(share < 1.0, xp.maximum(value, bottom), bottom)
