"""What `resolve` gives: a schedule laid out over a run, whose lengths are steps."""

from dataclasses import dataclass
from typing import Any

from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.schedule import Schedule


@dataclass(frozen=True)
class Plan(Schedule):
    """A schedule laid out over a run; what `resolve` gives.

    Args:
        schedule: The schedule, its lengths in steps.
        horizon: The run.
    """

    schedule: Schedule
    horizon: Horizon

    @property
    def end(self) -> int | None:
        """The step from which the plan is over and its value stays; `None` if it never ends."""
        return self.schedule.span()

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule's."""
        return self.schedule.formula(step, xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The schedule itself: a plan adds nothing to a composition."""
        return self.schedule.lay(horizon, room)

    def span(self) -> int | None:
        """The schedule's."""
        return self.schedule.span()

    def goal(self) -> int | None:
        """The schedule's."""
        return self.schedule.goal()

    def may_be_cut(self) -> bool:
        """The schedule's."""
        return self.schedule.may_be_cut()

    def lead(self) -> int:
        """The schedule's."""
        return self.schedule.lead()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule's."""
        return self.schedule.inside(step)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The schedule's."""
        return self.schedule.did(step, value, inner)

    def note(self, step: int) -> str:
        """The schedule's."""
        return self.schedule.note(step)

    def marks(self) -> list[Mark]:
        """The schedule's."""
        return self.schedule.marks()

    def stretched(self, factor: float) -> Schedule:
        """The schedule, stretched; lay it out over the new run."""
        return self.schedule.stretched(factor)
