"""Cycles: a schedule again and again (SGDR, cyclical rates)."""

import math
from dataclasses import KW_ONLY, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_most, power, real
from keras_lr.schedules.checks import number, positive
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.marks import MOST_MARKS, Mark, shifted
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform

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
        length: Of the first cycle: steps, "25%" of the run, or "10 epochs"; `None` where the
            schedule has a length of its own.
        times: Cycles, at least 1; `None` goes on until the run ends.
        stretch: Each cycle is so many times as long as the one before, at least 1; SGDR's t_mul.
        decay: Each cycle is multiplied by this once more, above 0, at most 1; SGDR's m_mul.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=2).repeat(times=2, stretch=2, decay=0.5)([0, 1, 2, 4, 6, 99])
    array([1.  , 0.5 , 0.5 , 0.25, 0.  , 0.  ])
    """

    lengths = ("length",)
    example = "cosine(end=0.1) | repeat(20%, stretch=1.5, decay=0.8)"

    length: Length | None = None
    _: KW_ONLY
    times: int | None = None
    stretch: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        length = tidy_length(self.length, "Repeat's length", least=1, optional=True)
        object.__setattr__(self, "length", length)
        times = self.times
        if times is not None:
            if hasattr(times, "__index__") and not isinstance(times, bool):
                times = int(times)  # NumPy's integers
            if not isinstance(times, int) or isinstance(times, bool) or times < 1:
                raise InvalidInput(
                    "Repeat's times is a whole number, 1 or above, or None for as long as the run "
                    f"lasts. Received: times={self.times!r}."
                )
            object.__setattr__(self, "times", times)
        object.__setattr__(self, "stretch", number(self.stretch, "Repeat", "stretch", least=1.0))
        object.__setattr__(self, "decay", positive(self.decay, "Repeat", "decay", most=1.0))

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule at the step of its cycle, times the decay so far."""
        if self.stretch == 1.0:
            cycle, inner = self._equal(step, xp)
        else:
            cycle, inner = self._growing(step, xp)
        value = self.schedule.formula(inner, xp)
        if self.decay == 1.0:
            return value
        count = real(cycle, xp)
        return value * power(self.decay, count, xp)

    def _equal(self, step: Any, xp: Any) -> tuple[Any, Any]:
        length = self._length()
        cycle = step // length
        if self.times is not None:
            cycle = at_most(cycle, min(self.times - 1, MOST_STEPS), xp)
        return cycle, at_most(step - cycle * length, length, xp)

    def _growing(self, step: Any, xp: Any) -> tuple[Any, Any]:
        # A cycle may begin between two steps: its start is a whole number and a rest.
        length = self._length()
        table = _starts(length, self.stretch, self.times)
        whole = np.floor(table).astype(np.int64)
        first = np.ceil(table).astype(np.int64)
        if xp is np:
            cycle = np.searchsorted(first, step, side="right") - 1
            rest = step - whole[cycle] - (table - whole)[cycle]
            inner = rest / np.power(self.stretch, np.arange(len(table)))[cycle]
            return cycle, np.minimum(inner, float(length))
        cycle = _cycle(first, xp.cast(step, "int32"), xp)
        rest = real(step - xp.cast(_pick(whole, cycle, "int32", xp), step.dtype), xp)
        rest = rest - _pick(table - whole, cycle, "float32", xp)
        scale = np.power(self.stretch, np.arange(len(table)))
        inner = rest / _pick(scale, cycle, "float32", xp)
        return cycle, at_most(inner, float(length), xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """One cycle over its length; as many cycles as begin within the room.

        Raises:
            InvalidInput: The length of a cycle isn't known, or the schedule is longer than it.
        """
        if self.length is None:
            if self.schedule.fills():
                raise InvalidInput(
                    f"repeat can't tell how long a cycle is. Write e.g. .repeat('25%'), or give "
                    f"{self.schedule} a length. Received: {self}."
                )
            inner = self.schedule.lay(horizon, room)
            length = inner.span()
        else:
            length = max(resolve_length(self.length, horizon, "length"), 1)
            inner = self.schedule.lay(horizon, length)
        span = inner.span()
        if length is None or (span is not None and span > length and not inner.may_be_cut()):
            raise InvalidInput(
                f"In a repeat, a cycle of {length} steps is to hold {self.schedule}, which takes "
                f"{'forever' if span is None else f'{span} steps'}. Leave its length out: it then "
                f"fills the cycle. Received: {self}."
            )
        times = self.times
        if times is None:
            times = len(_starts(length, self.stretch, None, room))
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
        last = self._cycle_start(self.times)
        return min(math.ceil(last - 1e-9 * last), MOST_STEPS)

    def lead(self) -> int:
        """The first cycle's."""
        return self.schedule.lead()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, at the step of its cycle (the nearest, where it is stretched)."""
        pick = self._equal if self.stretch == 1.0 else self._growing
        return ((self.schedule, round(float(pick(np.int64(step), np)[1]))),)

    def note(self, step: int) -> str:
        """Which cycle it is."""
        pick = self._equal if self.stretch == 1.0 else self._growing
        cycle = int(pick(np.int64(step), np)[0])
        of = "" if self.times is None else f" of {self.times}"
        return f"cycle {cycle + 1}{of}, from step {math.ceil(self._cycle_start(cycle))}"

    def marks(self) -> list[Mark]:
        """Each cycle's start, and the first cycle's own."""
        count = min(self.times or MOST_MARKS, MOST_MARKS)
        starts = [math.ceil(self._cycle_start(cycle)) for cycle in range(count)]
        own = shifted(self.schedule.marks(), 0, until=self._length())
        return [*own, *(Mark(start, "next cycle") for start in starts[1:])]

    def _length(self) -> int:
        return self.schedule.span() if self.length is None else self.length  # type: ignore[return-value]

    def _cycle_start(self, cycle: int) -> float:
        length = self._length()
        if self.stretch == 1.0:
            return float(length * cycle)
        try:
            return length * (self.stretch**cycle - 1) / (self.stretch - 1)
        except OverflowError:
            return math.inf


@lru_cache(maxsize=256)
def _starts(
    length: int, stretch: float, times: int | None, room: int = MOST_STEPS
) -> np.ndarray | range:
    """Where each cycle starts, in steps and parts of them, as far as `room` and `times` go."""
    if stretch == 1.0:
        return range(0, room, length)
    starts, start, size = [], 0.0, float(length)
    while math.ceil(start) < room and (times is None or len(starts) < times):
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
