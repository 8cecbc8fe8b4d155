"""MosaicML Composer's schedulers by name and argument: factors, in any of its units.

Composer's times are taken as they are written: "10ba" (batches) is 10 steps, "3ep" 3 epochs, "0.5dur"
half of the run. Its scale schedule ratio is `schedules.stretch(schedule, ratio)`. Values: the formulas of
composer/optim/scheduler.py.
"""

import re
from collections.abc import Iterable

from keras_lr.errors import InvalidInput
from keras_lr.schedules.horizon import Length
from keras_lr.schedules.peers.parts import share
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import Exponential
from keras_lr.schedules.shapes.drops import Piecewise, StepDecay
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.transforms.join import join

_TIME = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*(ba|ep|dur|sp)\s*")
_PARTS = re.compile(r"([0-9.]+)(%| epoch| sample|)s?")


def StepScheduler(step_size: str | int, gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` every `step_size`.

    >>> print(StepScheduler("30ep"))
    step_decay(factor=0.1, every=30 epochs)
    """
    return StepDecay(gamma, every=time(step_size))


def MultiStepScheduler(milestones: Iterable[str | int], gamma: float = 0.1) -> Schedule:
    """Multiply by `gamma` at each milestone.

    >>> print(MultiStepScheduler(["30ep", "60ep"]))
    piecewise([30 epochs, 60 epochs], values=[1.0, 0.1, 0.01])
    """
    boundaries = [time(milestone) for milestone in milestones]
    values = [share(gamma**index, 1.0) for index in range(len(boundaries) + 1)]
    return Piecewise(boundaries, values)  # type: ignore[arg-type]


def ConstantScheduler(alpha: float = 1.0, t_max: str | int = "1dur") -> Schedule:
    """`alpha` until `t_max`, then 1.

    >>> print(ConstantScheduler(0.5, "10ba"), "and", ConstantScheduler(0.5))
    piecewise([10], values=[0.5, 1.0]) and constant(0.5)
    """
    until = time(t_max)
    return Constant(alpha) if until == "100%" else Piecewise([until], [alpha, 1.0])  # type: ignore[arg-type]


def LinearScheduler(
    alpha_i: float = 1.0, alpha_f: float = 0.0, t_max: str | int = "1dur"
) -> Schedule:
    """A line from `alpha_i` to `alpha_f`.

    >>> print(LinearScheduler(t_max="90ba"))
    linear(length=90)
    """
    return Linear(alpha_i, alpha_f, length=_fills(t_max))


def ExponentialScheduler(gamma: float, decay_period: str | int = "1ep") -> Schedule:
    """gamma^(time/decay_period).

    >>> print(ExponentialScheduler(0.9))
    exponential(0.9, every=1 epoch)
    """
    return Exponential(gamma, every=time(decay_period))


def CosineAnnealingScheduler(t_max: str | int = "1dur", alpha_f: float = 0.0) -> Schedule:
    """Half a cosine down to `alpha_f`.

    >>> print(CosineAnnealingScheduler(alpha_f=0.1))
    cosine(end=0.1)
    """
    return Cosine(end=alpha_f, length=_fills(t_max))


def CosineAnnealingWarmRestartsScheduler(
    t_0: str | int, t_mult: float = 1.0, alpha_f: float = 0.0
) -> Schedule:
    """Half cosines, each `t_mult` times as long. (Composer rounds each length down to a step.)

    >>> print(CosineAnnealingWarmRestartsScheduler("10ep", 2.0))
    cosine() | repeat(length=10 epochs, stretch=2.0)
    """
    return Cosine(end=alpha_f).repeat(time(t_0), stretch=t_mult)


def PolynomialScheduler(power: float, t_max: str | int = "1dur", alpha_f: float = 0.0) -> Schedule:
    """A power of the share that is left.

    >>> print(PolynomialScheduler(2.0))
    polynomial(power=2.0)
    """
    return Polynomial(end=alpha_f, power=power, length=_fills(t_max))


def LinearWithWarmupScheduler(
    t_warmup: str | int, alpha_i: float = 1.0, alpha_f: float = 0.0, t_max: str | int = "1dur"
) -> Schedule:
    """A line from 0 to `alpha_i`, another to `alpha_f` at `t_max`, which counts the warmup.

    >>> print(LinearWithWarmupScheduler("5ep"))
    linear() | warmup(5 epochs)
    """
    return Linear(alpha_i, alpha_f, length=_after(t_warmup, t_max)).warmup(time(t_warmup))


def CosineAnnealingWithWarmupScheduler(
    t_warmup: str | int, t_max: str | int = "1dur", alpha_f: float = 0.0
) -> Schedule:
    """A line up, half a cosine down to `alpha_f` at `t_max`, which counts the warmup.

    >>> print(CosineAnnealingWithWarmupScheduler("10ba", "100ba"))
    cosine(length=90) | warmup(10)
    """
    return Cosine(end=alpha_f, length=_after(t_warmup, t_max)).warmup(time(t_warmup))


def MultiStepWithWarmupScheduler(
    t_warmup: str | int, milestones: Iterable[str | int], gamma: float = 0.1
) -> Schedule:
    """A line up, then `MultiStepScheduler`, whose milestones count from the run's start.

    >>> print(MultiStepWithWarmupScheduler("10ba", ["30ba", "60ba"]))
    join(linear(start=0.0, end=1.0, length=10), piecewise([30, 60], values=[1.0, 0.1, 0.01]) | offset(10), boundaries=[10])
    """
    warm = time(t_warmup)
    drops = MultiStepScheduler(milestones, gamma).offset(warm)
    return join([Linear(0.0, 1.0, length=warm), drops], [warm])


def time(value: str | int) -> Length:
    """A time of Composer's as a length: "10ba", "3ep", "0.5dur", "1000sp", or a number of steps.

    >>> time("10ba"), time("3ep"), time("0.5dur"), time(7)
    (10, '3 epochs', '50%', 7)
    """
    if isinstance(value, int):
        return value
    match = _TIME.fullmatch(value)
    if match is None:
        raise InvalidInput(
            "A time of Composer's is written 10ba (batches), 3ep (epochs), 0.5dur (a part of the "
            f"run) or 1000sp (samples). Received: {value!r}."
        )
    number, unit = match[1], match[2]
    if unit == "dur":
        return f"{float(number) * 100:.12g}%"
    if unit == "ep":
        return f"{number} epoch" if float(number) == 1 else f"{number} epochs"
    return int(number) if unit == "ba" else f"{number} samples"


def _fills(value: str | int) -> Length | None:
    length = time(value)
    return None if length == "100%" else length


def _after(warmup: str | int, end: str | int) -> Length | None:
    before, until = time(warmup), _fills(end)
    if until is None:
        return None
    first, second = (_PARTS.fullmatch(str(length)) for length in (before, until))
    if first and second and first[2] == second[2]:
        number = f"{float(second[1]) - float(first[1]):.12g}"
        return f"{number}{second[2]}" if second[2] else int(float(number))
    raise InvalidInput(
        "t_max counts the warmup, so both are in one unit, or t_max is '1dur'. "
        f"Received: t_warmup={warmup!r}, t_max={end!r}."
    )
