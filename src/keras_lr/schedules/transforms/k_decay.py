"""Bent time: k-decay."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_most, done, fill
from keras_lr.schedules.checks import positive
from keras_lr.schedules.explain import between_steps
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class KDecay(Transform):
    """At the share p of its length, the schedule is where it else is at p^power.

    Zhang & Li, "k-decay" (2020); timm's `k_decay`, for any schedule that has an end.

    Args:
        schedule: What is bent.
        power: Above 1 the schedule stays high for longer, below 1 it falls earlier.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=10).k_decay(2.0)([0, 5, 10])
    array([1.  , 0.75, 0.  ])
    """

    example = "cosine(end=0.1) | k_decay(1.5)"

    power: float

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "power", positive(self.power, "KDecay", "power"))
        if self.schedule.missing() is None and not self.schedule.fills():
            self._length()

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule's value at the bent step, which may lie between two."""
        return self.schedule.formula(self._bent(step, xp), xp)

    def _bent(self, step: Any, xp: Any) -> Any:
        length = self._length()
        if self.power == 1.0:
            return at_most(step, length, xp)
        share = done(step, length, xp)
        bent = length * xp.power(share, fill(self.power, share, xp))
        # A whole step that comes out a rounding below it would miss a boundary there.
        whole = xp.round(bent)
        rounding = at_most(bent * (1e-12 if xp is np else 1e-6), 0.25, xp)
        return xp.where(xp.abs(bent - whole) <= rounding, whole, bent)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The schedule, laid out.

        Raises:
            InvalidInput: It never ends.
        """
        laid = super().lay(horizon, room)
        laid._length()  # type: ignore[attr-defined]
        return laid

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, at the nearest step."""
        return ((self.schedule, round(float(self._bent(np.int64(step), np)))),)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The value, where the bent step lies between two."""
        return between_steps(self.schedule, self._bent(np.int64(step), np), inner[0])

    def marks(self) -> list[Mark]:
        """The schedule's, where time puts them."""
        length = self._length()
        return [
            Mark(round(length * min(mark.step / length, 1.0) ** (1 / self.power)), mark.label)
            for mark in self.schedule.marks()
        ]

    def lead(self) -> int:
        """Where the warmup is over."""
        length = self._length()
        return round(length * min(self.schedule.lead() / length, 1.0) ** (1 / self.power))

    def missing(self) -> str | None:
        """The schedule's end may be the run's."""
        gap = super().missing()
        if gap is None and self.schedule.span() is None and self.schedule.fills():
            return f"the end of {self.schedule}"
        return gap

    def _length(self) -> int:
        span = self.schedule.span()
        if span is None:
            raise InvalidInput(
                f"k_decay bends the time until a schedule's end, and {self.schedule} never ends. "
                "Bend one with a length, such as Cosine()."
            )
        return span
