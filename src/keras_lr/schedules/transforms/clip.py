"""A schedule whose values are cut off."""

from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_least, at_most
from keras_lr.schedules.checks import number
from keras_lr.schedules.registry import register
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Clip(Transform):
    """Cut off what is below `low` or above `high`.

    A floor that is cut is reached with a kink; `.between(low)` reaches it at the schedule's end.

    Args:
        schedule: What is cut. Of a schedule whose values are rates, `low` and `high` are rates.
        low: The lowest value, at least 0.
        high: The highest, at least `low`; `None` for no limit.

    Raises:
        InvalidInput: A limit isn't a finite number, is below 0, or `low` is above `high`.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).clip(0.25, 0.75)([0, 5, 10])
    array([0.75, 0.5 , 0.25])
    """

    example = "cosine() | clip(0.1, high=0.9)"

    low: float = 0.0
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "low", number(self.low, "Clip", "low"))
        if self.high is not None:
            object.__setattr__(self, "high", number(self.high, "Clip", "high"))
            if self.high < self.low:
                raise InvalidInput(
                    f"Clip's low is above its high. Write .clip({self.high!r}, {self.low!r}). "
                    f"Received: low={self.low!r}, high={self.high!r}."
                )

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule's value within the limits."""
        value = self.schedule.formula(step, xp)
        value = at_least(value, self.low, xp)
        if self.high is None:
            return value
        return at_most(value, self.high, xp)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """From what to what it was cut."""
        before = inner[0]
        return f"{'stays' if value == before else f'cut from {before:.4g} to'} {value:.4g}"
