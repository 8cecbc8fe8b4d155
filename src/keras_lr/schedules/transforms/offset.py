"""A schedule that begins in its middle."""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.schedules.arithmetic import at_most
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.marks import Mark, shifted
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Offset(Transform):
    """Begin `length` into the schedule, as if so much of it had been run already.

    What fills the run still ends with the run. (For the opposite, a schedule that begins later,
    hold its first value: `.warmup(length, start=1.0)`.)

    Args:
        schedule: What is run.
        length: Steps, "10%" of the run, or "2 epochs".

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).offset(4)([0, 3, 6])
    array([0.6, 0.3, 0. ])
    """

    lengths = ("length",)
    example = "cosine(end=0.1) | offset(15%)"

    length: Length

    def __post_init__(self) -> None:
        super().__post_init__()
        length = tidy_length(self.length, "Offset's length", least=1)
        object.__setattr__(self, "length", length)

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule's value at the later step."""
        length: int = self.length  # type: ignore[assignment]
        return self.schedule.formula(at_most(step, MOST_STEPS - length, xp) + length, xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The schedule over the room and the steps that are left out."""
        length = max(resolve_length(self.length, horizon, "length"), 1)
        inner = self.schedule.lay(horizon, min(room + length, MOST_STEPS))
        return replace(self, schedule=inner, length=length)

    def span(self) -> int | None:
        """What is left of the schedule."""
        inner = self.schedule.span()
        return None if inner is None else max(inner - self.length, 1)  # type: ignore[operator]

    def goal(self) -> int | None:
        """What is left until the schedule's."""
        inner = self.schedule.goal()
        return None if inner is None else max(inner - self.length, 1)  # type: ignore[operator]

    def lead(self) -> int:
        """What is left of a warmup."""
        return max(self.schedule.lead() - self.length, 0)  # type: ignore[operator]

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, later."""
        return ((self.schedule, step + self.length),)  # type: ignore[operator]

    def marks(self) -> list[Mark]:
        """The schedule's, earlier."""
        return shifted(self.schedule.marks(), -self.length)  # type: ignore[operator]
