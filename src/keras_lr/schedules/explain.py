"""Which part of a composition gave what at a step: `print(plan.explain(25))`.

step 25: 0.5
  warmup(50): × 0.5 (step 25 of 50)
    cosine(length=950): 1 at its step 0
"""

import math
from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import shown, whole_number
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import MOST_STEPS
from keras_lr.schedules.plan import Plan
from keras_lr.schedules.schedule import Schedule


@dataclass(frozen=True)
class Part:
    """What one schedule of a composition did.

    Args:
        text: The schedule, without what is inside it.
        step: The step that it saw.
        value: What it gave.
        did: What it did to what is inside it, in a few words: "× 0.5 (step 25 of 50)".
        parts: What is inside it, as far as it made the value.
    """

    text: str
    step: int
    value: float
    did: str
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Explanation:
    """Which part gave what; `print` it.

    Args:
        step: The step of the run.
        value: The value there.
        absolute: Whether it is a rate, and not a factor of the optimizer's rate.
        part: The outermost schedule, which holds the others.
    """

    step: int
    value: float
    absolute: bool
    part: Part

    def __str__(self) -> str:
        head = f"step {self.step}: {'rate ' if self.absolute else ''}{self.value:.4g}"
        return "\n".join([head, *_lines(self.part, "  ")])


def explain(schedule: Any, step: int) -> Explanation:
    """Which part of `schedule` gave what at `step`.

    Args:
        schedule: A plan, or whatever `as_schedule` takes, with its lengths in steps.
        step: A step of the run, from 0.

    Raises:
        InvalidInput: `step` isn't a whole number from 0 on.
        UnresolvedSchedule: A length isn't known in steps yet; call `resolve` first.

    >>> from keras_lr.schedules import Cosine
    >>> print(explain(Cosine().warmup("5%").resolve(steps=1000), 25))
    step 25: 0.5
      warmup(50): × 0.5 (step 25 of 50)
        cosine(length=950): 1 at its step 0
    """
    whole = whole_number(step)
    if whole is None or whole < 0:
        raise InvalidInput(
            f"explain takes a step: a whole number from 0 on. Received: {shown(step)}."
        )
    step = min(whole, MOST_STEPS)
    plain = schedule.schedule if isinstance(schedule, Plan) else as_schedule(schedule)
    return Explanation(step, plain(step), plain.absolute, _part(plain, step, step))


def usual(schedule: Schedule, step: int, value: float, inner: tuple[float, ...]) -> str:
    """What a schedule says it did if it has no `did` of its own.

    Args:
        schedule: The schedule.
        step: The step.
        value: What it gave.
        inner: What the schedules of `inside(step)` gave.

    >>> from keras_lr.schedules import Cosine
    >>> usual(Cosine(length=10).rate(0.1), 0, 0.1, (1.0,))
    '× 0.1'
    """
    if len(inner) != 1:
        return f"{value:.4g}"
    if schedule.inside(step)[0][1] != step:  # where it moves to, the line below says
        told = f"{value:.4g}"
        return "" if told == f"{inner[0]:.4g}" else told
    return times(value, inner[0])


def times(value: float, before: float = 1.0) -> str:
    """By what `before` was multiplied to give `value`; empty for 1.

    >>> times(0.5), times(1.0), times(0.0, 0.2), times(0.2, 0.0)
    ('× 0.5', '', '× 0', '0 becomes 0.2')
    """
    if before == 0:
        return f"0 becomes {value:.4g}" if value else ""
    factor = f"{value / before:.4g}"
    return "" if factor == "1" else f"× {factor}"


def between_steps(schedule: Schedule, at: Any, nearest: float) -> str:
    """The value of `schedule` at a step that lies between two; empty where it looks as `nearest`.

    Args:
        schedule: The schedule.
        at: The step, a number that may hold a fraction.
        nearest: The schedule's value at the nearest whole step, which its own line tells.

    >>> from keras_lr.schedules import Linear
    >>> between_steps(Linear(length=10), 2.5, 0.8), between_steps(Linear(length=10), 2.0, 0.8)
    ('0.75 between steps 2 and 3 of linear', '')
    """
    told, low = f"{schedule(at):.4g}", math.floor(at)
    if told == f"{nearest:.4g}":
        return ""
    return f"{told} between steps {low} and {low + 1} of {schedule.name}"


def _part(schedule: Schedule, step: int, outer: int) -> Part:
    """`schedule` at `step`, inside one that is at `outer`."""
    value = schedule(step)
    parts = tuple(_part(inner, seen, step) for inner, seen in schedule.inside(step))
    did = schedule.did(step, value, tuple(part.value for part in parts))
    note = schedule.note(step)
    words = f"{did} ({note})" if did and note else did or note
    if step != outer:
        where = f"at its step {step}"
        told = [where, words] if parts else [words, where]
        words = (", " if parts else " ").join(filter(None, told))
    return Part(_own_text(schedule), step, value, words, parts)


def _own_text(schedule: Schedule) -> str:
    """The text form of `schedule` alone."""
    inner = getattr(schedule, "schedule", None)
    text = str(schedule)
    if isinstance(inner, Schedule):
        return text.removeprefix(f"{inner} | ")
    return schedule.name if schedule.parts else text


def _lines(part: Part, indent: str) -> list[str]:
    lines = [f"{indent}{part.text}: {part.did}" if part.did else f"{indent}{part.text}"]
    for inner in part.parts:
        lines += _lines(inner, f"{indent}  ")
    return lines
