"""A schedule that stops where it is."""

from dataclasses import dataclass
from typing import Any

from keras_lr.schedules.arithmetic import at_most
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Hold(Transform):
    """Stay from the step `after` on at the value reached there.

    Args:
        schedule: What is stopped.
        after: Steps, "80%" of the run, or "20 epochs".

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).hold(6)([0, 6, 7, 99])
    array([1. , 0.4, 0.4, 0.4])
    """

    lengths = ("after",)
    example = "time_decay(0.1) | hold(50%)"

    after: Length

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "after", tidy_length(self.after, "Hold's after", least=1))

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule's value, at `after` at the latest."""
        return self.schedule.formula(at_most(step, self.after, xp), xp)

    def span(self) -> int | None:
        """Where it is held, or where the schedule is over."""
        inner, after = self.schedule.span(), self.after
        return after if inner is None else min(inner, after)  # type: ignore[return-value,type-var]

    def goal(self) -> int | None:
        """Where it is held, or where the schedule is over."""
        return self.span()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, at `after` at the latest."""
        return ((self.schedule, min(step, self.after)),)  # type: ignore[type-var]

    def note(self, step: int) -> str:
        """Whether it is held."""
        return "held" if step >= self.after else f"from step {self.after} on"  # type: ignore[operator]

    def marks(self) -> list[Mark]:
        """The moment, unless the schedule is over by then, and what comes before it."""
        before = [mark for mark in self.schedule.marks() if mark.step < self.after]  # type: ignore[operator]
        span = self.schedule.span()
        over = span is not None and span < self.after  # type: ignore[operator]
        return before if over else [*before, Mark(self.after, "held")]  # type: ignore[arg-type]
