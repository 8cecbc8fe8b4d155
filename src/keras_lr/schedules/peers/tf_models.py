"""TensorFlow Model Garden's schedules (tf-models) by name and argument: rates.

Its warmups run over the first steps of the schedule after them, rather than before it, and aim at
its value where they end. Values: the formulas of official/modeling/optimization/lr_schedule.py.
"""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import Keras, as_schedule
from keras_lr.schedules.peers.keras import from_keras
from keras_lr.schedules.peers.parts import (
    delayed,
    first_twice,
    largest,
    ramp,
    sequence,
    share,
    whole,
)
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.power import Power


def LinearWarmup(
    after_warmup_lr_sched: Any, warmup_steps: int, warmup_learning_rate: float
) -> Schedule:
    """A line from `warmup_learning_rate` to what `after_warmup_lr_sched` is at `warmup_steps`.

    Args:
        after_warmup_lr_sched: A rate, a schedule of rates, or one of Keras's.
        warmup_steps: Steps up, at least 1.
        warmup_learning_rate: Rate at step 0.

    >>> print(LinearWarmup(0.1, 10, 0.01))
    join(linear(start=0.1, end=1.0, length=10) | rate(0.1), constant() | rate(0.1), boundaries=[10])
    """
    after = _rates(after_warmup_lr_sched)
    target = after(warmup_steps)
    peak = largest(warmup_learning_rate, target)
    line = ramp(share(warmup_learning_rate, peak), share(target, peak), warmup_steps).rate(peak)
    return sequence([line, _later(after, warmup_steps)], [warmup_steps])


def PolynomialWarmUp(after_warmup_lr_sched: Any, warmup_steps: int, power: float = 1.0) -> Schedule:
    """(max(step, 1)/warmup_steps)^power of what `after_warmup_lr_sched` is at `warmup_steps`.

    Args:
        after_warmup_lr_sched: A rate, a schedule of rates, or one of Keras's.
        warmup_steps: Steps up; 0 or below for none.
        power: 1 for a line.

    >>> print(PolynomialWarmUp(0.1, 10, 2.0))
    join(constant() | warmup(10, power=2.0) | offset(1) | warmup(1, start=1.0) | rate(0.1), constant() | rate(0.1), boundaries=[10])
    """
    after = _rates(after_warmup_lr_sched)
    if warmup_steps <= 0:
        return after
    rise = first_twice(Constant().warmup(warmup_steps, power=power)).rate(after(warmup_steps))
    return sequence([rise, _later(after, warmup_steps)], [warmup_steps])


def DirectPowerDecay(initial_learning_rate: float, power: float) -> Schedule:
    """initial·max(step, 1)^power.

    Args:
        initial_learning_rate: Rate at steps 0 and 1.
        power: Below 0. (tf-models' default of 1 would grow for ever.)

    >>> print(DirectPowerDecay(0.1, -0.5))
    power(1.0, exponent=-0.5) | rate(0.1)
    """
    return Power(1.0, power).rate(initial_learning_rate)


def PowerAndLinearDecay(
    initial_learning_rate: float,
    total_decay_steps: int,
    power: float,
    linear_decay_fraction: float = 0.1,
    offset: int = 0,
) -> Schedule:
    """`DirectPowerDecay` times a line to 0 over the last part.

    Args:
        initial_learning_rate: Rate at step `offset`, and one later.
        total_decay_steps: Steps, `offset` aside.
        power: Below 0.
        linear_decay_fraction: The part of them that the line takes.
        offset: Steps at the initial rate before it begins.

    >>> print(PowerAndLinearDecay(0.1, 100, -0.5))
    power(1.0, exponent=-0.5) | cooldown(10, start=90) | rate(0.1)
    """
    schedule: Schedule = Power(1.0, power)
    if linear_decay_fraction:
        taken = total_decay_steps * linear_decay_fraction
        last = whole(round(taken, 9), "PowerAndLinearDecay", "total·linear_decay_fraction")
        schedule = schedule.cooldown(last, start=total_decay_steps - last)
    return delayed(schedule, offset).rate(initial_learning_rate)


def PowerDecayWithOffset(
    initial_learning_rate: float,
    power: float,
    offset: int = 0,
    pre_offset_learning_rate: float = 1e6,
) -> Schedule:
    """initial·max(step − offset, 1)^power, at most `pre_offset_learning_rate`, which it is before.

    Args:
        initial_learning_rate: Rate one step after `offset`, if it isn't cut off.
        power: Below 0.
        offset: The last step at
        pre_offset_learning_rate: the highest rate.

    >>> print(PowerDecayWithOffset(0.1, -0.5, 10, 0.2))
    join(constant(), power(0.5, exponent=-0.5) | offset(1), boundaries=[11]) | rate(0.2)
    """
    scale = share(initial_learning_rate, pre_offset_learning_rate)
    fall = Power(scale, power)
    return sequence([Constant(), fall.offset(1)], [offset + 1]).rate(pre_offset_learning_rate)


def _later(schedule: Schedule, steps: int) -> Schedule:
    constant = all(isinstance(part, Constant) for part in schedule.parts)
    return schedule if constant else schedule.offset(steps)


def _rates(value: Any) -> Schedule:
    schedule = as_schedule(value)
    if isinstance(schedule, Keras):
        return from_keras(schedule.schedule)
    if isinstance(schedule, Constant):
        return Constant().rate(schedule.value)
    if not schedule.absolute:
        raise InvalidInput(
            "tf-models' warmups take rates: a number, one of Keras's schedules, or a schedule that "
            f"ends in .rate(...). Received: {schedule}."
        )
    return schedule
