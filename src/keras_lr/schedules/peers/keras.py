"""Keras's learning rate schedules as compositions: with a text form, marks and an `explain`.

`from_keras` translates a schedule object; the functions take Keras's arguments. The values are rates.
`schedules.as_schedule` takes Keras's objects as they are, too, in their float32. Values: Keras 3.15.
"""

import math
from collections.abc import Sequence
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import largest, ramp, risen, share, whole
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import Exponential, TimeDecay
from keras_lr.schedules.shapes.drops import Piecewise, StepDecay
from keras_lr.schedules.shapes.ramps import Cosine, Polynomial
from keras_lr.schedules.shapes.restarts import PolynomialRestarts


def from_keras(schedule: Any) -> Schedule:
    """A `keras.optimizers.schedules` object as a composition with the same values.

    Args:
        schedule: One of Keras's six; not of a class derived from one.

    Raises:
        InvalidInput: It is something else, or has no counterpart (a rate that grows for ever).

    >>> import keras
    >>> print(from_keras(keras.optimizers.schedules.CosineDecay(0.1, 1000, alpha=0.01)))
    cosine(end=0.01, length=1000) | rate(0.1)
    """
    from keras.optimizers import schedules

    for build in _SCHEDULES:
        if type(schedule) is getattr(schedules, build.__name__):
            settings = schedule.get_config()
            settings.pop("name", None)
            return build(**settings)
    raise InvalidInput(
        "from_keras translates Keras's own schedules: "
        f"{', '.join(build.__name__ for build in _SCHEDULES)}. Others work as they are: "
        f"schedules.as_schedule(...). Received: {schedule!r}."
    )


def ExponentialDecay(
    initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Schedule:
    """initial·decay_rate^(step/decay_steps), whole periods only with `staircase`.

    >>> print(ExponentialDecay(0.1, 100, 0.5, staircase=True))
    step_decay(every=100) | rate(0.1)
    """
    shape = StepDecay if staircase else Exponential
    return shape(decay_rate, every=decay_steps).rate(initial_learning_rate)


def PiecewiseConstantDecay(boundaries: Sequence[float], values: Sequence[float]) -> Schedule:
    """`values`, each until its boundary and *at* it too: Keras's boundary b is b + 1 here.

    >>> print(PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01]))
    piecewise([101, 201], values=[1.0, 0.5, 0.1]) | rate(0.1)
    """
    if len(boundaries) != len(values) - 1:
        raise InvalidInput(
            "PiecewiseConstantDecay needs one boundary fewer than values. Received: "
            f"boundaries={list(boundaries)!r}, values={list(values)!r}."
        )
    peak = largest(*values)
    shares = [share(float(value), peak) for value in values]
    if not boundaries:
        return Constant(shares[0]).rate(peak)
    steps = [math.floor(boundary) + 1 for boundary in boundaries]
    return Piecewise(steps, shares).rate(peak)  # type: ignore[arg-type]


def PolynomialDecay(
    initial_learning_rate: float,
    decay_steps: int,
    end_learning_rate: float = 1e-4,
    power: float = 1.0,
    cycle: bool = False,
) -> Schedule:
    """(initial − end)·(1 − p)^power + end. The end isn't 0 by default.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps.
        end_learning_rate: Rate at the end; above the first one it rises.
        power: 1 for a line.
        cycle: Whether it starts again, lower, when it has ended.

    >>> print(PolynomialDecay(0.1, 1000))
    linear(end=0.001, length=1000) | rate(0.1)
    """
    peak = largest(initial_learning_rate, end_learning_rate)
    start, end = share(initial_learning_rate, peak), share(end_learning_rate, peak)
    steps = whole(decay_steps, "PolynomialDecay", "decay_steps")
    if cycle:
        falling = PolynomialRestarts(steps, end=min(start, end), power=power)
        if start >= end:
            return falling.rate(peak)
        return PolynomialRestarts(steps, power=power).between(end, start).rate(peak)
    if power == 1:
        return ramp(start, end, steps).rate(peak)
    return ramp(start, end, steps, Polynomial, power=power).rate(peak)


def InverseTimeDecay(
    initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool = False
) -> Schedule:
    """initial/(1 + decay_rate·step/decay_steps), whole periods only with `staircase`.

    >>> print(InverseTimeDecay(0.1, 100, 0.5))
    time_decay(0.005) | rate(0.1)
    """
    if staircase:
        schedule = TimeDecay(decay_rate, per=decay_steps)
    else:
        schedule = TimeDecay(share(decay_rate, decay_steps))
    return schedule.rate(initial_learning_rate)


def CosineDecay(
    initial_learning_rate: float,
    decay_steps: int,
    alpha: float = 0.0,
    warmup_target: float | None = None,
    warmup_steps: int = 0,
) -> Schedule:
    """Half a cosine down to alpha·rate, after a warmup that `decay_steps` doesn't include.

    Args:
        initial_learning_rate: Rate at step 0.
        decay_steps: Steps after the warmup.
        alpha: The floor, as a part of the rate it falls from.
        warmup_target: Rate that the warmup leads to; `None` for none.
        warmup_steps: Steps of the warmup.

    >>> print(CosineDecay(0.0, 900, warmup_target=0.1, warmup_steps=100))
    cosine(length=900) | warmup(100) | rate(0.1)
    """
    steps = whole(decay_steps, "CosineDecay", "decay_steps")
    cosine = ramp(1.0, alpha, steps, Cosine)
    if warmup_target is None:
        return cosine.rate(initial_learning_rate)
    warm = whole(warmup_steps, "CosineDecay", "warmup_steps")
    return risen(cosine, warm, share(initial_learning_rate, warmup_target)).rate(warmup_target)


def CosineDecayRestarts(
    initial_learning_rate: float,
    first_decay_steps: int,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> Schedule:
    """Half cosines, each `t_mul` times as long and `m_mul` times as high, over a floor.

    Args:
        initial_learning_rate: Rate at step 0.
        first_decay_steps: Steps of the first.
        t_mul: At least 1.
        m_mul: At most 1.
        alpha: The floor of all, as a part of the first rate, at most 1.

    >>> print(CosineDecayRestarts(0.1, 100, m_mul=0.8, alpha=0.01))
    cosine(length=100) | repeat(length=100, stretch=2.0, decay=0.8) | between(0.01) | rate(0.1)
    """
    steps = whole(first_decay_steps, "CosineDecayRestarts", "first_decay_steps")
    cycles = Cosine(length=steps).repeat(steps, stretch=t_mul, decay=m_mul)
    return (cycles.between(alpha) if alpha else cycles).rate(initial_learning_rate)


_SCHEDULES = (
    ExponentialDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
    InverseTimeDecay,
    CosineDecay,
    CosineDecayRestarts,
)
