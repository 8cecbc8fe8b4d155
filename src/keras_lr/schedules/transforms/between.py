"""A schedule mapped to another range: floors without a jump, and schedules turned over."""

from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import fill
from keras_lr.schedules.checks import number
from keras_lr.schedules.registry import register
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Between(Transform):
    """Map factors from 0…1 to low…high: low + (high − low)·factor.

    So a floor is part of the curve, and neither a kink nor a jump. With `high` below `low` the
    schedule is turned over: `OneCycle(0, 0).between(0.95, 0.85)` is the momentum of a cycle, which
    falls as the rate rises.

    Args:
        schedule: Factors from 0 to 1.
        low: What 0 becomes, at least 0.
        high: What 1 becomes, at least 0.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).between(0.1)([0, 5, 10])
    array([1.  , 0.55, 0.1 ])
    """

    example = "cosine() | between(0.1, high=0.9)"

    low: float
    high: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "low", number(self.low, "Between", "low"))
        object.__setattr__(self, "high", number(self.high, "Between", "high"))
        if self.schedule.absolute:
            raise InvalidInput(
                "between maps factors from 0 to 1, and this schedule gives rates. Put the rate "
                f"last, .between(...).rate(0.1), or use .clip(low, high). Received: {self.schedule}."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """From the lower end up, so that both ends are exact."""
        value = self.schedule.formula(step, xp)
        if self.low <= self.high:
            return self.low + (self.high - self.low) * value
        value = self.high + (self.low - self.high) * (1.0 - value)
        return xp.maximum(value, fill(0.0, value, xp))  # of a factor above 1
