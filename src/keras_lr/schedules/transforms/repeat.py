"""Cycles: a schedule again and again (SGDR, cyclical rates)."""

import math
from dataclasses import KW_ONLY, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_most, fill, period_and_rest, period_ratio, power, real
from keras_lr.schedules.checks import number, positive, shown, whole_number
from keras_lr.schedules.explain import between_steps, times
from keras_lr.schedules.horizon import MOST_STEPS, Horizon
from keras_lr.schedules.marks import MOST_MARKS, Mark, shifted
from keras_lr.schedules.period import Period, resolve_period, tidy_period
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform

_LEAST_STRETCH = 1.001
_FEW = 256
"""Cycles that a step is compared with, rather than searched for."""


@register
@dataclass(frozen=True)
class Repeat(Transform):
    """A schedule again and again, each cycle longer by `stretch` and lower by `decay`.

    Of a cosine these are the warm restarts of Loshchilov & Hutter, "SGDR" (2017): cycle i takes
    length·stretch^i steps, and starts at length·(stretch^i − 1)/(stretch − 1). In a run no cycle
    begins at the run's end or after it; what is over stays at its last value.

    Args:
        schedule: One cycle. Over a longer cycle it is stretched.
        length: Of the first cycle: steps, which may hold a fraction, "25%" of the run, or
            "10 epochs"; `None` where the schedule has a length of its own, or where `times` cycles
            are to fill the run.
        times: Cycles, at least 1; `None` goes on until the run ends.
        stretch: Each cycle is so many times as long as the one before, at least 1; SGDR's t_mul.
        decay: Each cycle is multiplied by this once more, above 0, at most 1; SGDR's m_mul.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=2).repeat(times=2, stretch=2, decay=0.5)([0, 1, 2, 4, 6, 99])
    array([1.  , 0.5 , 0.5 , 0.25, 0.  , 0.  ])
    """

    lengths = ("length",)
    example = "cosine(end=0.1) | repeat(20%, stretch=1.5, decay=0.8)"

    length: Period | None = None
    _: KW_ONLY
    times: int | None = None
    stretch: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.length is not None:
            length = tidy_period(self.length, "Repeat's length")
            if not isinstance(length, str):
                number(length, "Repeat", "length", least=1.0)
            object.__setattr__(self, "length", length)
        if self.times is not None:
            times = whole_number(self.times)
            if times is None or not 1 <= times <= MOST_STEPS:
                raise InvalidInput(
                    f"Repeat's times is a whole number, 1 to {MOST_STEPS}, or None for as long as "
                    f"the run lasts. Received: times={shown(self.times)}."
                )
            object.__setattr__(self, "times", times)
        object.__setattr__(self, "stretch", number(self.stretch, "Repeat", "stretch", least=1.0))
        if 1.0 < self.stretch < _LEAST_STRETCH:
            raise InvalidInput(
                f"Repeat's stretch is 1, or {_LEAST_STRETCH} or above: cycles that grow slower "
                f"are as good as equal. Write stretch=1. Received: stretch={self.stretch!r}."
            )
        object.__setattr__(self, "decay", positive(self.decay, "Repeat", "decay", most=1.0))

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule at the step of its cycle, times the decay so far."""
        cycle, inner = self._place(step, xp)
        value = self.schedule.formula(inner, xp)
        if self.decay == 1.0:
            return value
        count = real(cycle, xp)
        return value * power(self.decay, count, xp)

    def _place(self, step: Any, xp: Any) -> tuple[Any, Any]:
        """The cycle, from 0, and the step of it."""
        return self._equal(step, xp) if self.stretch == 1.0 else self._growing(step, xp)

    def _equal(self, step: Any, xp: Any) -> tuple[Any, Any]:
        length, whole = self._length(), self._whole()
        last = None if self.times is None else min(self.times - 1, MOST_STEPS)
        if length == whole:
            cycle = step // whole
            if last is not None:
                cycle = at_most(cycle, last, xp)
            return cycle, at_most(step - cycle * whole, whole, xp)
        cycle, since = period_and_rest(step, length, xp)
        inner = at_most(since * (whole / length), float(whole), xp)
        if last is None:
            return cycle, inner
        return at_most(cycle, last, xp), xp.where(cycle > last, fill(whole, inner, xp), inner)

    def _growing(self, step: Any, xp: Any) -> tuple[Any, Any]:
        # A cycle may begin between two steps: its start is a whole number and a rest.
        table = _starts(self._length(), self.stretch, self.times)
        whole = np.floor(table).astype(np.int64)
        first = np.ceil(table).astype(np.int64)
        end = float(self._whole())
        scale = np.power(self.stretch, np.arange(len(table))) * (self._length() / end)
        if xp is np:
            cycle = np.searchsorted(first, step, side="right") - 1
            rest = step - whole[cycle] - (table - whole)[cycle]
            return cycle, np.minimum(rest / scale[cycle], end)
        cycle = _cycle(first, xp.cast(step, "int32"), xp)
        rest = real(step - xp.cast(_pick(whole, cycle, "int32", xp), step.dtype), xp)
        rest = rest - _pick(table - whole, cycle, "float32", xp)
        return cycle, at_most(rest / _pick(scale, cycle, "float32", xp), end, xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """One cycle over its length; as many cycles as begin within the room.

        Raises:
            InvalidInput: The length of a cycle isn't known, or the schedule is longer than it.
        """
        if self.length is not None:
            length = max(resolve_period(self.length, horizon, "length"), 1)
        elif not self.schedule.fills():
            length = self.schedule.lay(horizon, room).span()
        elif self.times is not None:
            length = _share(room, self.times, self.stretch)
        else:
            raise InvalidInput(
                "repeat can't tell how long a cycle is. Write e.g. .repeat('25%'), .repeat(times=4) "
                f"for four cycles that fill the run, or give {self.schedule} a length. "
                f"Received: {self}."
            )
        if length is None:
            raise InvalidInput(
                f"{self.schedule} never ends, so repeat can't tell how long a cycle is. Write "
                f"e.g. .repeat('25%'). Received: {self}."
            )
        inner = self.schedule.lay(horizon, math.ceil(length))
        span = inner.span()
        if span is not None and span > math.ceil(length) and not inner.may_be_cut():
            raise InvalidInput(
                f"In a repeat, a cycle of {length} steps is to hold {self.schedule}, which takes "
                f"{span} steps. Leave its length out: it then fills the cycle. Received: {self}."
            )
        times = self.times
        if times is None:
            times = _count(length, self.stretch, room)
        return replace(self, schedule=inner, length=length, times=times)

    def missing(self) -> str | None:
        """The length may be left out where the schedule has one."""
        gap = self.schedule.missing()
        if gap is not None:
            return gap
        if self.length is None:
            return None if self.schedule.span() is not None else "length=None"
        return super().missing()

    def fills(self) -> bool:
        """Whether it goes on for as long as there is room."""
        return self.times is None or (self.length is None and self.schedule.fills())

    def may_be_cut(self) -> bool:
        """The run may end within a cycle."""
        return True

    def span(self) -> int | None:
        """All cycles."""
        if self.times is None:
            return None
        return min(self._first_step(self.times), MOST_STEPS)

    def goal(self) -> int | None:
        """The last cycle's end."""
        return self.span()

    def lead(self) -> int:
        """The first cycle's."""
        return self.schedule.lead()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, at the step of its cycle (the nearest, where it is stretched)."""
        return ((self.schedule, round(float(self._place(np.int64(step), np)[1]))),)

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The value, where its step of the cycle lies between two, and the decay so far."""
        cycle, at = self._place(np.int64(step), np)
        stretched = between_steps(self.schedule, at, inner[0])
        return ", ".join(filter(None, [stretched, times(self.decay ** int(cycle))]))

    def note(self, step: int) -> str:
        """Which cycle it is."""
        cycle = int(self._place(np.int64(step), np)[0])
        of = "" if self.times is None else f" of {self.times}"
        return f"cycle {cycle + 1}{of}, from step {self._first_step(cycle)}"

    def marks(self) -> list[Mark]:
        """Each cycle's start, and the first cycle's own."""
        count = min(self.times or MOST_MARKS, MOST_MARKS)
        own = shifted(self.schedule.marks(), 0, until=self._whole())
        starts = (self._first_step(cycle) for cycle in range(1, count))
        return [*own, *(Mark(start, "next cycle") for start in starts if start <= MOST_STEPS)]

    def _length(self) -> float:
        """Of the first cycle, in steps."""
        return self.schedule.span() if self.length is None else self.length  # type: ignore[return-value]

    def _whole(self) -> int:
        """Steps that the schedule is laid out over, a cycle of which may hold a fraction."""
        return math.ceil(self._length())

    def _first_step(self, cycle: int) -> int:
        """The first step of a cycle, or after the last one; 2^31 at most."""
        if self.stretch == 1.0:
            return min(math.ceil(period_ratio(self._length()) * cycle), MOST_STEPS + 1)
        try:
            start = self._length() * (self.stretch**cycle - 1) / (self.stretch - 1)
        except OverflowError:
            return MOST_STEPS + 1
        if start > MOST_STEPS:
            return MOST_STEPS + 1
        return min(math.ceil(start - 1e-9 * start), MOST_STEPS + 1)


def _share(room: int, times: int, stretch: float) -> float:
    """The length of the first of so many cycles that fill the room: whole steps as `int`."""
    if stretch == 1.0:
        parts = float(times)
    else:
        try:
            parts = (stretch**times - 1) / (stretch - 1)
        except OverflowError:
            parts = math.inf
    length = max(room / parts, 1.0)
    return int(length) if length.is_integer() else length


def _count(length: float, stretch: float, room: int) -> int:
    """Cycles that begin within the room."""
    if stretch == 1.0:
        return math.ceil(room / period_ratio(length))
    return len(_starts(length, stretch, None, room))


@lru_cache(maxsize=256)
def _starts(length: float, stretch: float, times: int | None, room: int = MOST_STEPS) -> np.ndarray:
    """Where each cycle starts, in steps and parts of them, as far as `room` and `times` go."""
    starts, start, size = [], 0.0, float(length)
    while start <= room - 1 and (times is None or len(starts) < times):
        starts.append(start)
        start, size = start + size, size * stretch
    return np.array(starts)


def _cycle(first: np.ndarray, step: Any, xp: Any) -> Any:
    """The last cycle that has started at `step`: a tensor of int32."""
    starts = xp.convert_to_tensor(first, "int32")
    if len(first) <= _FEW:  # a sum is one kernel of the compiled step, a search is a loop
        reached = xp.cast(xp.expand_dims(step, -1) >= starts, "int32")
        return xp.cast(xp.sum(reached, axis=-1), "int32") - 1
    found = xp.searchsorted(starts, xp.reshape(step, (-1,)), side="right")
    return xp.reshape(xp.cast(found, "int32"), xp.shape(step)) - 1


def _pick(table: np.ndarray, index: Any, dtype: str, xp: Any) -> Any:
    return xp.take(xp.convert_to_tensor(table.astype(dtype), dtype), index, axis=0)
