"""A schedule of rates, and not of factors of the optimizer's rate."""

from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import positive
from keras_lr.schedules.registry import register
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Rate(Transform):
    """`value` times the schedule, as the rate itself: the optimizer's own rate no longer counts.

    It is how Keras's, optax's and torch's `OneCycleLR` schedules mean their values.

    Args:
        schedule: Factors.
        value: The rate at a factor of 1, above 0.

    Raises:
        InvalidInput: `value` isn't a finite number above 0, or the schedule's values are rates
            already.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).rate(0.1)([0, 5])
    array([0.1 , 0.05])
    """

    example = "cosine(end=0.1) | rate(0.5)"

    value: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "value", positive(self.value, "Rate", "value"))
        if self.schedule.absolute:
            raise InvalidInput(
                "rate turns factors into rates, and this schedule gives rates already. "
                f"Received: {self.schedule}."
            )

    @property
    def absolute(self) -> bool:
        """Its values are rates."""
        return True

    def formula(self, step: Any, xp: Any) -> Any:
        """The value times the factor."""
        return self.value * self.schedule.formula(step, xp)
