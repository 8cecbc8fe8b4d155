"""A schedule mapped to another range: floors without a jump, and schedules turned over."""

from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_least, between
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

    Raises:
        InvalidInput: `low` or `high` isn't a finite number from 0 on, or the schedule's values are
            rates.

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
        """From the lower end up; both ends are exact, and a factor above 1 goes on beyond `high`."""
        value = self.schedule.formula(step, xp)
        if self.low <= self.high:
            above = at_least(value - 1.0, 0.0, xp)
            return between(self.low, self.high, value, xp) + (self.high - self.low) * above
        return at_least(between(self.high, self.low, 1.0 - value, xp), 0.0, xp)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """What became what."""
        return f"{inner[0]:.4g} becomes {value:.4g}"
