"""big_vision's `create_learning_rate_schedule` by its arguments: factors.

Any shape times a trapezoid: min(1, step/warmup)·min(1, (total − step)/cooldown). Values: the formula
of big_vision/utils.py, in steps.
"""

from collections.abc import Sequence

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.peers.parts import ramp, rest
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.drops import Piecewise
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial

_TYPES = ("linear", "polynomial", "cosine", "rsqrt", "stair")


def create_learning_rate_schedule(
    total_steps: int,
    base: float = 1.0,
    decay_type: str = "stair",
    warmup_steps: int = 0,
    cooldown_steps: int = 0,
    power: float = 1.0,
    end: float = 0.0,
    timescale: int = 10_000,
    shift: int = 0,
    steps: Sequence[int] = (),
    mults: Sequence[float] = (),
) -> Schedule:
    """A shape after a warmup, brought down to 0 by a cooldown.

    Args:
        total_steps: All steps.
        base: What it begins with, as a factor of the optimizer's rate.
        decay_type: "linear", "polynomial", "cosine", "rsqrt" or "stair".
        warmup_steps: Steps up.
        cooldown_steps: Steps down, at the end; 0 for none.
        power: Of "linear" and "polynomial".
        end: Where these two end, as a factor of the optimizer's rate.
        timescale: Steps, of "rsqrt".
        shift: "rsqrt" begins so many steps in.
        steps: Where "stair" drops, counted from the run's start.
        mults: To what, one for each.

    >>> print(create_learning_rate_schedule(100, decay_type="rsqrt", warmup_steps=10,
    ...     cooldown_steps=20, timescale=30))
    inverse_sqrt(30) | warmup(10) | cooldown(20, start=80)
    """
    if decay_type not in _TYPES:
        raise InvalidInput(
            f"big_vision has no decay_type {decay_type!r}. {nearest(decay_type, _TYPES)}"
        )
    left = rest(total_steps, warmup_steps, "A schedule", ("total_steps", "warmup_steps"))
    if decay_type == "stair":
        stair = Piecewise(tuple(steps), (base, *(base * m for m in mults))) if steps else None
        schedule: Schedule = stair or Constant(base)
        if warmup_steps:
            schedule = Linear(0.0, 1.0, length=warmup_steps) * schedule
    else:
        if decay_type in ("linear", "polynomial"):
            schedule = (
                ramp(base, end, left)
                if power == 1
                else ramp(base, end, left, Polynomial, power=power)
            )
        elif decay_type == "cosine":
            schedule = Cosine(base, length=left)
        else:
            schedule = InverseSqrt(timescale)
            schedule = schedule.offset(shift) if shift else schedule
            schedule = schedule if base == 1 else schedule * base
        if warmup_steps:
            schedule = schedule.warmup(warmup_steps)
    if cooldown_steps:
        schedule = schedule.cooldown(cooldown_steps, start=total_steps - cooldown_steps)
    return schedule
