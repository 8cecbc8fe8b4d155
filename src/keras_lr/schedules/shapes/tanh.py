"""A fall along the hyperbolic tangent."""

from dataclasses import dataclass, field
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import between, done, left
from keras_lr.schedules.checks import falling, number
from keras_lr.schedules.registry import register
from keras_lr.schedules.shapes.ramp import Ramp


@register
@dataclass(frozen=True)
class Tanh(Ramp):
    """Fall along a tangent: end + ½(start − end)·(1 − tanh(lower·(1 − p) + upper·p)), p = step/length.

    Hsueh, Li & Wu, "Stochastic Gradient Descent with Hyperbolic-Tangent Decay" (2019); timm's
    `TanhLRScheduler`, with its bounds. A tangent gets near its ends without reaching them: at the
    defaults it begins at 0.9999992 and ends at 0.0025, where it stays. (timm's jumps to `end`.)

    Args:
        start: What it comes from.
        end: What it goes to, at most `start`.
        lower: Where on the tangent it begins, -20 to 20.
        upper: Where on the tangent it ends, above `lower`, at most 20.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Tanh(length=10)([0, 7, 10, 99]).round(4)
    array([1.    , 0.5   , 0.0025, 0.0025])
    """

    example = "tanh(end=0.1)"

    lower: float = field(default=-7.0, kw_only=True)
    upper: float = field(default=3.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        falling(self.start, self.end, "Tanh")
        object.__setattr__(self, "lower", number(self.lower, "Tanh", "lower", least=-20, most=20))
        object.__setattr__(self, "upper", number(self.upper, "Tanh", "upper", least=-20, most=20))
        if self.lower >= self.upper:
            low, high = self.upper, self.lower
            if low == high:
                low, high = (low, low + 1.0) if low + 1.0 <= 20 else (low - 1.0, low)
            raise InvalidInput(
                "Tanh falls from lower to upper on the tangent, so lower is below upper. Write "
                f"Tanh(lower={low!r}, upper={high!r}). "
                f"Received: lower={self.lower!r}, upper={self.upper!r}."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """½(1 − tanh x) as 1/(1 + e^2x), which doesn't cancel where it is small."""
        length: int = self.length  # type: ignore[assignment]
        place = self.lower * left(step, length, xp) + self.upper * done(step, length, xp)
        return between(self.end, self.start, 1.0 / (1.0 + xp.exp(2.0 * place)), xp)
