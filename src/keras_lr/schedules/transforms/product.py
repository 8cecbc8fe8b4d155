"""One schedule times another."""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.transforms.members import members


@register
@dataclass(frozen=True)
class Product(Schedule):
    """One schedule times another; see `product`.

    Args:
        schedules: Two or more, as in `product`. A product among them is taken apart.

    Raises:
        InvalidInput: Fewer than two, or more than one whose values are rates.
    """

    example = "cosine() * step_decay(factor=0.5, every=30%)"

    schedules: tuple[Schedule, ...]

    def __post_init__(self) -> None:
        flat: list[Schedule] = []
        for schedule in members(self.schedules, "product"):
            flat.extend(schedule.schedules if isinstance(schedule, Product) else (schedule,))
        object.__setattr__(self, "schedules", tuple(flat))
        rates = [schedule for schedule in flat if schedule.absolute]
        if len(rates) > 1:
            raise InvalidInput(
                "A product has at most one schedule whose values are rates (Keras's own are); a "
                "rate times a rate is no rate. Received: " + ", ".join(str(s) for s in rates) + "."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """The product of the values."""
        value = self.schedules[0].formula(step, xp)
        for schedule in self.schedules[1:]:
            value = value * schedule.formula(step, xp)
        return value

    def lay(self, horizon: Horizon, room: int) -> "Product":
        """Each over the whole room."""
        return replace(self, schedules=tuple(s.lay(horizon, room) for s in self.schedules))

    def span(self) -> int | None:
        """Where one of them rests at 0, or else where the last one is over, constants aside."""
        ends = [(s, s.span()) for s in self.schedules]
        zeros = [span for s, span in ends if span is not None and s(span) == 0]
        if zeros:
            return min(zeros)
        spans = [s.span() for s in self.schedules if not isinstance(s, Constant)]
        known = [span for span in spans if span is not None]
        return max(known) if known and len(known) == len(spans) else None

    def goal(self) -> int | None:
        """The latest one."""
        goals = [goal for s in self.schedules if (goal := s.goal()) is not None]
        return max(goals) if goals else None

    def may_be_cut(self) -> bool:
        """Whether one of them may."""
        return any(schedule.may_be_cut() for schedule in self.schedules)

    def lead(self) -> int:
        """The longest one."""
        return max(schedule.lead() for schedule in self.schedules)

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """All of them, at the same step."""
        return tuple((schedule, step) for schedule in self.schedules)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The factors."""
        return " × ".join(f"{factor:.4g}" for factor in inner)

    def marks(self) -> list[Mark]:
        """Those of all, until it rests."""
        end = self.span()
        marks = (mark for schedule in self.schedules for mark in schedule.marks())
        return [mark for mark in marks if end is None or mark.step <= end]


def product(*schedules: Any) -> Schedule:
    """Schedules times each other; `a * b` is the same.

    Args:
        schedules: Two or more: schedules, numbers, text, callables; one of them may be Keras's.

    >>> from keras_lr.schedules import Linear
    >>> (Linear(length=4) * 0.5)([0, 2])
    array([0.5 , 0.25])
    """
    return Product(schedules)
