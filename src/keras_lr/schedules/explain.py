"""Which part of a composition gave what at a step: `print(plan.explain(25))`.

step 25: 0.5
  warmup(50): × 0.5 (step 25 of 50)
    cosine(length=950): 1 at its step 0
"""

from dataclasses import dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.schedule import Plan, Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.transforms.between import Between
from keras_lr.schedules.transforms.clip import Clip
from keras_lr.schedules.transforms.cooldown import Cooldown
from keras_lr.schedules.transforms.hold import Hold
from keras_lr.schedules.transforms.noise import Noise
from keras_lr.schedules.transforms.product import Product
from keras_lr.schedules.transforms.repeat import Repeat
from keras_lr.schedules.transforms.warmup import Warmup


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
    if not hasattr(step, "__index__") or isinstance(step, bool) or int(step) < 0:
        raise InvalidInput(f"explain takes a step: a whole number from 0 on. Received: {step!r}.")
    step = int(step)
    plain = schedule.schedule if isinstance(schedule, Plan) else as_schedule(schedule)
    return Explanation(step, plain(step), plain.absolute, _part(plain, step, step))


def _part(schedule: Schedule, step: int, outer: int) -> Part:
    """`schedule` at `step`, inside one that is at `outer`."""
    value = schedule(step)
    parts = tuple(_part(inner, seen, step) for inner, seen in schedule.inside(step))
    did, note = _did(schedule, step, value, parts), schedule.note(step)
    words = f"{did} ({note})" if did and note else did or note
    if step != outer:
        where = f"at its step {step}"
        words = ", ".join(filter(None, [where, words])) if parts else f"{words} {where}"
    return Part(_own_text(schedule), step, value, words, parts)


def _did(schedule: Schedule, step: int, value: float, parts: tuple[Part, ...]) -> str:
    """What `schedule` did to what is inside it; nothing to say where `note` and `parts` do."""
    if not parts:
        return f"{value:.4g}"
    inner, *others = parts
    if others:
        product = isinstance(schedule, Product)
        return " × ".join(f"{part.value:.4g}" for part in parts) if product else f"{value:.4g}"
    before = inner.value
    if isinstance(schedule, Clip):
        return f"{'stays' if value == before else f'cut from {before:.4g} to'} {value:.4g}"
    if isinstance(schedule, Between):
        return f"{before:.4g} becomes {value:.4g}"
    if isinstance(schedule, Hold):
        return ""
    if isinstance(schedule, Repeat):
        return _times(value, replace(schedule, decay=1.0)(step))
    if inner.step != step and not isinstance(schedule, Warmup):
        # It moves the step, and the line below says where to: the nearest whole one.
        return "" if value == before else f"{value:.4g}"
    if before == 0 and isinstance(schedule, Warmup | Cooldown | Noise):
        return _times(replace(schedule, schedule=Constant())(step), 1.0)
    return _times(value, before)


def _times(value: float, before: float) -> str:
    if value == before:
        return ""
    return f"× {value / before:.4g}" if before else f"{before:.4g} becomes {value:.4g}"


def _own_text(schedule: Schedule) -> str:
    """The text form of `schedule` alone."""
    if isinstance(schedule, Product):
        return "product"
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
