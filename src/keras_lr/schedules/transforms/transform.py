"""What the transforms share: one schedule inside, to which they do something."""

from dataclasses import dataclass, replace

from keras_lr.schedules.depth import check_depth
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.schedule import Schedule, whole_steps


@dataclass(frozen=True)
class Transform(Schedule):
    """A schedule around another one. As it stands it changes nothing; derived classes do.

    Args:
        schedule: Whatever `as_schedule` takes.
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        check_depth(self)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The inner schedule over the same room, and this one's own lengths in steps."""
        own = {
            name: whole_steps(getattr(self, name), self, horizon, room, name)
            for name in self.lengths
        }
        return replace(self, schedule=self.schedule.lay(horizon, room), **own)

    def span(self) -> int | None:
        """The inner schedule's."""
        return self.schedule.span()

    def goal(self) -> int | None:
        """The inner schedule's."""
        return self.schedule.goal()

    def may_be_cut(self) -> bool:
        """The inner schedule's."""
        return self.schedule.may_be_cut()

    def lead(self) -> int:
        """The inner schedule's."""
        return self.schedule.lead()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The inner schedule, at the same step."""
        return ((self.schedule, step),)

    def marks(self) -> list[Mark]:
        """The inner schedule's."""
        return self.schedule.marks()
