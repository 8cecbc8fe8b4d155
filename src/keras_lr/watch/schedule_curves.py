"""Schedules as curves: sampled so that a picture misses no turn, with the moments it names."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules import Mark, Plan, as_schedule
from keras_lr.schedules.checks import positive
from keras_lr.schedules.laying import laid_out
from keras_lr.schedules.schedule import Schedule

POINTS = 1000
"""Points a curve is drawn with, at most; marks between them are added."""

EXAMPLE_STEPS = 1000
"""Updates of such an example, at least."""

EXAMPLE_BATCH = 32
"""Samples in one of them."""

MOST_EVALUATED = 100_000
"""Steps at which a schedule is evaluated, at most; a longer run is sampled."""

MANY = 4
"""Marks of one label that are all named; of more the first is."""


@dataclass(frozen=True)
class ScheduleCurve:
    """A schedule over a run, ready to be drawn.

    Args:
        name: What the reader knows it by.
        plan: The schedule, laid out.
        xs: Steps.
        ys: Factors, or rates where `rates` says so.
        rates: Whether the values are rates.
        marks: The moments it turns, ascending.
    """

    name: str
    plan: Plan
    xs: np.ndarray
    ys: np.ndarray
    rates: bool
    marks: tuple[Mark, ...]


def schedule_curves(
    schedules: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
    points: int = POINTS,
) -> list[ScheduleCurve]:
    """One, several or named schedules over a run, as curves.

    Args:
        schedules: As in `keras_lr.schedules.plot`.
        steps: Updates in the run; by default that of the longest plan.
        steps_per_epoch: Updates in an epoch; by default that of the plans.
        batch_size: Samples in one update, where a length is in samples.
        base_rate: The optimizer's rate, by which factors are multiplied.
        points: Points of a curve, about.

    Raises:
        InvalidInput: The run isn't known, a schedule doesn't fit into it, or the rate isn't one.
    """
    if base_rate is not None:
        base_rate = positive(base_rate, "A picture of rates", "base_rate")
    named = named_schedules(schedules)
    if steps is None:
        known = [s for _, s in named if _knows_its_run(s)]
        steps = max(laid_out(s).horizon.steps for s in known or [named[0][1]])
    plans = [s for _, s in named if isinstance(s, Plan)]
    per_epoch = [s.horizon.steps_per_epoch for s in plans if s.horizon.steps_per_epoch]
    run = {
        "steps_per_epoch": steps_per_epoch or next(iter(per_epoch), None),
        "batch_size": batch_size,
    }
    curves = []
    for name, schedule in named:
        plan = laid_out(schedule, steps, **run)  # type: ignore[arg-type]
        marks = {mark for mark in plan.marks() if 0 <= mark.step < steps}
        ordered = tuple(sorted(marks, key=lambda mark: (mark.step, mark.label)))
        xs, ys = sampled(plan, steps, [mark.step for mark in ordered], points)
        rates = base_rate is not None or plan.absolute
        if base_rate is not None and not plan.absolute:
            ys = ys * base_rate
        curves.append(ScheduleCurve(name, plan, xs, ys, rates, ordered))
    return curves


def example_steps(schedule: Schedule) -> int:
    """Updates over which a schedule without a run of its own is shown: all of it, in ten epochs.

    >>> example_steps(as_schedule("cosine")), example_steps(as_schedule("cosine(length=2000)"))
    (1000, 2200)
    """
    end = schedule.resolve(
        steps=EXAMPLE_STEPS, steps_per_epoch=EXAMPLE_STEPS / 10, batch_size=EXAMPLE_BATCH
    ).end
    return int(1.1 * end) if end and end > EXAMPLE_STEPS else EXAMPLE_STEPS


def named_schedules(schedules: Any) -> list[tuple[str, Any]]:
    """Names and schedules from one, a list, or a mapping; a schedule's name is its text."""
    if isinstance(schedules, Mapping):
        pairs = [(str(name), _plan_or_schedule(s)) for name, s in schedules.items()]
    elif isinstance(schedules, Iterable) and not isinstance(schedules, str):
        pairs = [(str(s), s) for s in map(_plan_or_schedule, schedules)]
    else:
        schedule = _plan_or_schedule(schedules)
        pairs = [(str(schedule), schedule)]
    if not pairs:
        raise InvalidInput("There is no schedule to draw. Received: an empty list.")
    return pairs


def sampled(
    plan: Plan, steps: int, turns: Sequence[int] = (), points: int = POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Steps and values of a curve, about `points` of them.

    A run of up to `MOST_EVALUATED` steps is evaluated whole, and thinned by keeping the lowest and
    the highest of each stretch, so that a jump of a single step stays visible. A longer one is
    evaluated at that many steps, and at its `turns` and the steps before them.
    """
    around = np.array([s for turn in turns for s in (turn - 1, turn) if 0 <= s < steps], np.int64)
    if steps <= MOST_EVALUATED:
        xs = np.arange(steps)
    else:
        even = np.linspace(0, steps - 1, MOST_EVALUATED).astype(np.int64)
        xs = np.union1d(even, around)
    ys = np.asarray(plan(xs), float)
    if len(xs) <= points:
        return xs, ys
    edges = np.linspace(0, len(xs), max(points // 2, 1) + 1).astype(int)
    kept = {0, len(xs) - 1, *np.searchsorted(xs, around).tolist()}
    for low, high in itertools.pairwise(edges):
        kept |= {low + int(np.argmin(ys[low:high])), low + int(np.argmax(ys[low:high]))}
    index = np.array(sorted(kept))
    return xs[index], ys[index]


def few(marks: Iterable[Mark], most: int = MANY) -> list[Mark]:
    """Marks for a reader: of a label that comes more than `most` times the first, with dots.

    >>> few([Mark(9, "next cycle"), Mark(5, "warmup ends"), Mark(19, "next cycle")], most=1)
    [Mark(step=5, label='warmup ends'), Mark(step=9, label='next cycle …')]
    """
    groups: dict[str, list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: mark.step):
        groups.setdefault(mark.label, []).append(mark)
    chosen: list[Mark] = []
    for label, group in groups.items():
        many = len(group) > most
        chosen += [replace(group[0], label=f"{label} …")] if many else group
    return sorted(chosen, key=lambda mark: mark.step)


def value_name(curves: Sequence[ScheduleCurve]) -> str:
    """What the vertical axis shows."""
    if all(curve.rates for curve in curves):
        return "learning rate"
    if any(curve.rates for curve in curves):
        return "factor of the optimizer's rate, or rate"
    return "factor of the optimizer's rate"


def _plan_or_schedule(value: Any) -> Any:
    return value if isinstance(value, Plan) else as_schedule(value)


def _knows_its_run(schedule: Any) -> bool:
    if isinstance(schedule, Plan):
        return True
    return schedule.missing() is None and schedule.span() is not None
