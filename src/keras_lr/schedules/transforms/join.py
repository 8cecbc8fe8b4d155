"""One schedule after another."""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import after
from keras_lr.schedules.boundaries import resolve_boundaries, tidy_boundaries
from keras_lr.schedules.foreign import Keras
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length
from keras_lr.schedules.marks import Mark, shifted
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.members import members


@register
@dataclass(frozen=True)
class Join(Schedule):
    """One schedule after another, each from its own step 0; see `join`.

    Args:
        schedules: Two or more, each whatever `as_schedule` takes: all of factors, or all of rates.
        boundaries: Where each but the first starts, one less than schedules: steps, "30%",
            "10 epochs", increasing. `None`: each starts where the one before is over, and the last
            fills the run.

    Raises:
        InvalidInput: Fewer than two schedules; factors and rates; boundaries that don't increase
            or aren't one less; no boundaries, and a schedule but the last has no end of its own.
    """

    lengths = ("boundaries",)
    example = (
        "join(linear(0.1, 1.0, length=20%), constant(0.9), cosine(end=0.1), boundaries=[20%, 50%])"
    )

    schedules: tuple[Schedule, ...]
    boundaries: tuple[Length, ...] | None = None

    def __post_init__(self) -> None:
        schedules = members(self.schedules, "join")
        object.__setattr__(self, "schedules", schedules)
        kinds = {schedule.absolute for schedule in schedules}
        if len(kinds) == 2:
            raise InvalidInput(_mixed(schedules))
        if self.boundaries is None:
            self._check_ends()
            return
        boundaries = tidy_boundaries(self.boundaries, "join")
        object.__setattr__(self, "boundaries", boundaries)
        if len(boundaries) != len(schedules) - 1:
            raise InvalidInput(
                f"join needs one boundary less than schedules. Received: {len(schedules)} "
                f"schedules, {len(boundaries)} boundaries."
            )

    def _check_ends(self) -> None:
        """Refuse a schedule that never tells when the next one starts."""
        start = 0
        for schedule in self.schedules[:-1]:
            known = schedule.missing() is None
            if schedule.fills() or (known and schedule.span() is None):
                raise InvalidInput(
                    f"join can't tell when {schedule} is over. Give its length, or say where the "
                    f"next one starts: join([...], boundaries=['30%', ...]). Received: {self}."
                )
            start += (schedule.span() or 0) if known else 0
        if start > MOST_STEPS:
            raise InvalidInput(
                f"In a join, the last schedule would start at step {start}, after the last that "
                f"there is, {MOST_STEPS}. Shorten those before it. Received: {self}."
            )

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule whose turn it is, at its own step."""
        value = self.schedules[0].formula(step, xp)
        for boundary, schedule in zip(self._starts(), self.schedules[1:], strict=True):
            later = schedule.formula(after(step, boundary, xp), xp)
            value = xp.where(step >= boundary, later, value)
        return value

    def lay(self, horizon: Horizon, room: int) -> "Join":
        """Boundaries and all lengths in steps; the last schedule fills what is left.

        Raises:
            InvalidInput: A schedule is longer than its turn, or the turns don't fit into the room.
        """
        last = len(self.schedules) - 1
        given = None
        if self.boundaries is not None:
            given = resolve_boundaries(self.boundaries, horizon, "join")
            tiny = room <= last  # not a step for each: then the last ones never run
            rounded = isinstance(self.boundaries[-1], str) and room <= given[-1] <= room + last
            if rounded and not tiny:  # as far back as leaves a step to each
                given = tuple(min(step, room - last + i) for i, step in enumerate(given))
            if given[-1] >= room and not (tiny and given[-1] <= room + last):
                raise InvalidInput(
                    f"join's last boundary is step {given[-1]}, but only {room} steps are there: "
                    f"{self.schedules[-1]} would never run. Received: {self}."
                )
        short = given is not None or horizon.steps <= len(self.schedules)
        start, starts, laid = 0, [], []
        for index, schedule in enumerate(self.schedules):
            turn = room - start
            if given is not None and index < last:
                turn = given[index] - start
            if short:  # a run of a few steps, where shares round to nothing, is no mistake
                turn = max(turn, 1)
            inner = schedule.lay(horizon, turn)
            span = inner.span()
            if span is not None and span > turn and not inner.may_be_cut():
                raise InvalidInput(
                    f"In a join, {schedule} is {span} steps long, but has {turn} steps for its "
                    f"turn (from step {start}). Shorten it, or leave its length out: it then fills "
                    f"its turn. Received: {self}."
                )
            laid.append(inner)
            if index == last:
                break
            if given is None and span is None:  # of a relative length, and endless
                raise InvalidInput(
                    f"join can't tell when {schedule} is over. Give its length, or say where the "
                    "next one starts: join([...], boundaries=['30%', ...]). "
                    f"Received: {self}."
                )
            start = given[index] if given is not None else start + span  # type: ignore[operator]
            starts.append(start)
        return replace(self, schedules=tuple(laid), boundaries=tuple(starts))

    def missing(self) -> str | None:
        """Boundaries may be left out where the lengths of the schedules tell them."""
        gap = next((gap for part in self.schedules if (gap := part.missing())), None)
        if gap is not None:
            return gap
        if self.boundaries is None:
            endless = any(s.span() is None for s in self.schedules[:-1])
            return "boundaries=None" if endless else None
        return super().missing()

    def span(self) -> int | None:
        """Where the last schedule starts, and what it takes."""
        inner = self.schedules[-1].span()
        return None if inner is None else min(self._starts()[-1] + inner, MOST_STEPS)

    def goal(self) -> int | None:
        """The last schedule's, in its turn."""
        inner = self.schedules[-1].goal()
        return None if inner is None else min(self._starts()[-1] + inner, MOST_STEPS)

    def fills(self) -> bool:
        """Whether the last schedule does."""
        return self.schedules[-1].fills()

    def may_be_cut(self) -> bool:
        """The last schedule's."""
        return self.schedules[-1].may_be_cut()

    def lead(self) -> int:
        """The first schedule's."""
        return self.schedules[0].lead()

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule whose turn it is."""
        index, start = self._turn(step)
        return ((self.schedules[index], step - start),)

    def note(self, step: int) -> str:
        """Whose turn it is."""
        index, start = self._turn(step)
        return f"part {index + 1} of {len(self.schedules)}, from step {start}"

    def marks(self) -> list[Mark]:
        """The boundaries, and what lies inside each turn."""
        starts = (0, *self._starts())
        found = [Mark(start, "next part") for start in starts[1:]]
        for index, (start, schedule) in enumerate(zip(starts, self.schedules, strict=True)):
            stop = starts[index + 1] - 1 if index + 1 < len(starts) else None
            found += shifted(schedule.marks(), start, until=stop)
        return found

    def _turn(self, step: int) -> tuple[int, int]:
        starts = (0, *self._starts())
        index = sum(step >= start for start in starts[1:])
        return index, starts[index]

    def _starts(self) -> tuple[int, ...]:
        if self.boundaries is not None:
            return self.boundaries  # type: ignore[return-value]
        starts, start = [], 0
        for schedule in self.schedules[:-1]:
            start += schedule.span() or 0
            starts.append(start)
        return tuple(starts)


def _mixed(schedules: tuple[Schedule, ...]) -> str:
    """What to write where factors and rates are joined."""
    rates = [schedule for schedule in schedules if schedule.absolute]
    advice = []
    if any(not _holds_keras(schedule) for schedule in rates):
        advice.append("Put .rate(...) last, around the join: join([...]).rate(0.1).")
    if any(_holds_keras(schedule) for schedule in rates):
        advice.append(
            "Keras's own schedules give rates: write such a one as a shape of keras_lr, as a factor, "
            "or the others as rates, .rate(0.1)."
        )
    names = ", ".join(f"{s} ({'rates' if s.absolute else 'factors'})" for s in schedules)
    return (
        "join needs schedules of one kind, factors of the optimizer's rate or rates. "
        f"{' '.join(advice)} Received: {names}."
    )


def _holds_keras(schedule: Schedule) -> bool:
    return isinstance(schedule, Keras) or any(map(_holds_keras, schedule.parts))


def join(schedules: Any, boundaries: Any = None) -> Schedule:
    """One schedule after another, each from its own step 0.

    Args:
        schedules: Two or more: schedules, text, callables, or Keras's schedules (these give rates,
            so all or none).
        boundaries: Where each but the first starts: steps, "30%", "10 epochs", increasing. By
            default each starts where the one before is over, and the last fills the run.

    Raises:
        InvalidInput: See `Join`.

    >>> from keras_lr.schedules import Linear
    >>> join([Linear(0, 1, length=2), Linear(length=4)])([0, 1, 2, 4, 6])
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    return Join(schedules, boundaries)
