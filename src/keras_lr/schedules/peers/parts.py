"""What the recipes share: ramps that may rise, sequences, floors given as rates."""

from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.drops import Piecewise
from keras_lr.schedules.shapes.ramp import Ramp
from keras_lr.schedules.shapes.ramps import Linear
from keras_lr.schedules.transforms.join import join


def share(value: float, of: float) -> float:
    """`value` as a part of `of`, to 15 digits, so that 0.01 of 0.1 is written as 0.1.

    >>> 0.01 / 0.1, share(0.01, 0.1)
    (0.09999999999999999, 0.1)
    """
    return float(f"{value / of:.15g}")


def largest(*values: float) -> float:
    """The rate that is called 1: the largest of `values`, or 1 where all are 0."""
    return max(values) or 1.0


def floor(rate: float, lr: float | None, owner: str, name: str) -> float:
    """An argument that is a rate, as a factor of the optimizer's rate `lr`.

    Raises:
        InvalidInput: It isn't 0, and `lr` isn't known.
    """
    if rate == 0:
        return 0.0
    if lr is None:
        raise InvalidInput(
            f"{owner}'s {name} is a rate, while the schedule is a factor of the optimizer's rate. "
            f"Say what that one is, {owner}(..., lr=0.1), or write {name}=0. "
            f"Received: {name}={rate!r}, lr=None."
        )
    if not isinstance(lr, Real) or not lr > 0:
        raise InvalidInput(f"{owner}'s lr is the optimizer's rate, above 0. Received: lr={lr!r}.")
    return share(rate, lr)  # type: ignore[arg-type]


def whole(value: Any, owner: str, name: str) -> int:
    """A number of steps as an `int`; some libraries take and give 100.0.

    Raises:
        InvalidInput: It isn't whole.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer():
        return int(float(value))
    raise InvalidInput(
        f"{owner} needs a whole number of steps as {name}. Received: {name}={value!r}."
    )


def rest(total: Any, before: Any, owner: str, names: tuple[str, str]) -> int:
    """The steps that `before` leaves of `total`, at least 1."""
    left = whole(total, owner, names[0]) - whole(before, owner, names[1])
    if left < 1:
        raise InvalidInput(
            f"{owner}'s {names[0]} counts all steps, the {names[1]} among them, so it must be "
            f"larger. Received: {names[0]}={total!r}, {names[1]}={before!r}."
        )
    return left


def ramp(
    start: float, end: float, length: int, shape: type[Ramp] = Linear, **settings: Any
) -> Schedule:
    """From `start` to `end` along `shape`, also upwards, where the shape alone only falls.

    >>> from keras_lr.schedules import Cosine
    >>> print(ramp(1.0, 0.1, 10, Cosine), "and", ramp(0.1, 1.0, 10, Cosine))
    cosine(end=0.1, length=10) and cosine(length=10) | between(1.0, high=0.1)
    """
    if start == end:
        return Constant(start)
    if end < start or shape is Linear:
        return shape(start, end, length=length, **settings)
    return shape(length=length, **settings).between(end, start)


def delayed(schedule: Schedule, steps: int) -> Schedule:
    """`schedule`, after `steps` at its first value."""
    return schedule.warmup(steps, start=1.0) if steps > 0 else schedule


def first_twice(schedule: Schedule) -> Schedule:
    """`schedule` at the step max(step, 1), as where a formula can't take 0."""
    return delayed(schedule.offset(1), 1)


def risen(schedule: Schedule, steps: int, start: float, target: float = 1.0) -> Schedule:
    """A line from `start` to `target` during `steps`, then `schedule` from its own step 0."""
    if steps > 0 and start <= target and schedule(0) == target != 0:
        return schedule.warmup(steps, start=share(start, target))
    return sequence([ramp(start, target, max(steps, 1)), schedule], [steps])


def sequence(schedules: Sequence[Any], boundaries: Sequence[int]) -> Schedule:
    """`join`, less what has no turn; what is longer than its turn is cut off by it."""
    kept: list[Schedule] = []
    starts: list[int] = []
    for schedule, start, stop in zip(schedules, [0, *boundaries], [*boundaries, None], strict=True):
        if stop is not None and stop <= start:
            continue
        part = as_schedule(schedule)
        span = part.span() if part.missing() is None else None
        if stop is not None and span is not None and span > stop - start:
            part = part.hold(stop - start)
        kept.append(part)
        starts.append(start)
    return kept[0] if len(kept) == 1 else join(kept, starts[1:])


def drops(milestones: Iterable[int], gamma: float) -> Schedule:
    """Multiply by `gamma` at each milestone; the new value holds at it already.

    >>> print(drops([20, 10, 20], 0.5))
    piecewise([10, 20], values=[1.0, 0.5, 0.125])
    """
    counts = Counter(milestones)
    before = sum(count for step, count in counts.items() if step <= 0)
    steps = sorted(step for step in counts if step > 0)
    passed = [before]
    for step in steps:
        passed.append(passed[-1] + counts[step])
    values = [share(float(gamma) ** count, 1.0) for count in passed]
    return Piecewise(steps, values) if steps else Constant(values[0])  # type: ignore[arg-type]


def refuse_plateau(name: str) -> NoReturn:
    """A reduction on a plateau depends on the losses, so it is no schedule."""
    raise InvalidInput(
        f"{name} follows the losses, not the step, so it is a rule and no schedule: write "
        "LearningRate(schedule, rules=Plateau(factor=0.1, patience=10)), with Plateau from "
        "keras_lr.rules; it multiplies whatever schedule there is."
    )
