"""A constant factor."""

from dataclasses import dataclass
from typing import Any

from keras_lr.schedules.arithmetic import fill, real
from keras_lr.schedules.checks import number
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Constant(Schedule):
    """`value`, always.

    Args:
        value: The factor, at least 0.

    >>> Constant(0.5)([0, 10])
    array([0.5, 0.5])
    """

    example = "constant(0.5)"

    value: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", number(self.value, "Constant", "value"))

    def formula(self, step: Any, xp: Any) -> Any:
        """`value` in the shape of `step`."""
        return fill(self.value, real(step, xp), xp)

    def span(self) -> int | None:
        """A constant never ends."""
        return None
