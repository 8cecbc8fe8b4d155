"""timm's schedulers by name and argument, less the optimizer.

Factors of the optimizer's rate; what timm takes as rates (`lr_min`, `warmup_lr_init`) needs `lr`,
the optimizer's. timm counts epochs by default and keeps the rate during each; a step here is one
update, so lengths in epochs are multiplied by the updates of an epoch. Values: timm 1.0.31.

With `warmup_prefix=False` timm's warmup covers the schedule's first steps, rather than coming before
them, and aims at the optimizer's rate, so that the rate may drop where it ends. Its noise is drawn
from torch's generator: `.noise(std, limit=...)` is the same in kind.
"""

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import (
    drops,
    floor,
    ramp,
    refuse_plateau,
    risen,
    sequence,
    whole,
)
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.drops import StepDecay
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.shapes.tanh import Tanh

_Cycle = Callable[[float, float, int], Schedule]


def CosineLRScheduler(
    t_initial: int,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    noise_range_t: Any = None,
    k_decay: float = 1.0,
    *,
    lr: float | None = None,
) -> Schedule:
    """Half cosines, with warmup, restarts and k-decay.

    Args:
        t_initial: Steps of the first cycle.
        lr_min: The floor, a rate.
        cycle_mul: Each cycle is so many times as long as the one before.
        cycle_decay: Each cycle's peak is multiplied by this once more.
        cycle_limit: Cycles.
        warmup_t: Steps of the warmup.
        warmup_lr_init: The rate it begins at.
        warmup_prefix: Whether it comes before the schedule.
        noise_range_t: `None`; see the module's text.
        k_decay: Above 1 the rate stays high for longer.
        lr: The optimizer's rate.

    >>> print(CosineLRScheduler(90, warmup_t=10, warmup_prefix=True))
    cosine(length=90) | warmup(10)
    >>> print(CosineLRScheduler(90, warmup_t=10, lr_min=1e-3, warmup_lr_init=1e-2, lr=0.1))
    join(linear(start=0.1, end=1.0, length=10), cosine(end=0.01, length=90) | offset(10), boundaries=[10])
    """
    owner = "CosineLRScheduler"
    _no_noise(noise_range_t, owner)

    def cycle(start: float, end: float, length: int) -> Schedule:
        return _bent(ramp(start, end, length, Cosine), k_decay)

    low = floor(lr_min, lr, owner, "lr_min")
    schedule = _cycles(cycle, t_initial, low, cycle_mul, cycle_decay, cycle_limit, owner)
    start = floor(warmup_lr_init, lr, owner, "warmup_lr_init")
    return _warm(schedule, warmup_t, start, warmup_prefix)


def PolyLRScheduler(
    t_initial: int,
    power: float = 0.5,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    noise_range_t: Any = None,
    k_decay: float = 1.0,
    *,
    lr: float | None = None,
) -> Schedule:
    """Powers of the share that is left, with warmup, restarts and k-decay.

    Args:
        t_initial: Steps of the first cycle.
        power: Below 1 (the default) it falls late.
        lr_min: The floor, a rate.
        cycle_mul: Each cycle is so many times as long as the one before.
        cycle_decay: Each cycle's peak is multiplied by this once more.
        cycle_limit: Cycles.
        warmup_t: Steps of the warmup.
        warmup_lr_init: The rate it begins at.
        warmup_prefix: Whether it comes before the schedule.
        noise_range_t: `None`; see the module's text.
        k_decay: Above 1 the rate stays high for longer.
        lr: The optimizer's rate.

    >>> print(PolyLRScheduler(90, k_decay=2.0))
    polynomial(length=90, power=0.5) | k_decay(2.0)
    """
    owner = "PolyLRScheduler"
    _no_noise(noise_range_t, owner)

    def cycle(start: float, end: float, length: int) -> Schedule:
        return _bent(ramp(start, end, length, Polynomial, power=power), k_decay)

    low = floor(lr_min, lr, owner, "lr_min")
    schedule = _cycles(cycle, t_initial, low, cycle_mul, cycle_decay, cycle_limit, owner)
    start = floor(warmup_lr_init, lr, owner, "warmup_lr_init")
    return _warm(schedule, warmup_t, start, warmup_prefix)


def TanhLRScheduler(
    t_initial: int,
    lb: float = -7.0,
    ub: float = 3.0,
    lr_min: float = 0.0,
    cycle_mul: float = 1.0,
    cycle_decay: float = 1.0,
    cycle_limit: int = 1,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = False,
    noise_range_t: Any = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """Falls along the hyperbolic tangent, with warmup and restarts.

    It ends a little above `lr_min` and stays there; timm's jumps to `lr_min`.

    Args:
        t_initial: Steps of the first cycle.
        lb: Where on the tangent it begins.
        ub: Where on the tangent it ends.
        lr_min: The floor, a rate.
        cycle_mul: Each cycle is so many times as long as the one before.
        cycle_decay: Each cycle's peak is multiplied by this once more.
        cycle_limit: Cycles.
        warmup_t: Steps of the warmup; it aims at the schedule's value where it ends.
        warmup_lr_init: The rate it begins at.
        warmup_prefix: Whether it comes before the schedule.
        noise_range_t: `None`; see the module's text.
        lr: The optimizer's rate.

    >>> print(TanhLRScheduler(100, lb=-6.0))
    tanh(length=100, lower=-6.0)
    """
    owner = "TanhLRScheduler"
    _no_noise(noise_range_t, owner)

    def cycle(start: float, end: float, length: int) -> Schedule:
        return ramp(start, end, length, Tanh, lower=lb, upper=ub)

    low = floor(lr_min, lr, owner, "lr_min")
    schedule = _cycles(cycle, t_initial, low, cycle_mul, cycle_decay, cycle_limit, owner)
    start = floor(warmup_lr_init, lr, owner, "warmup_lr_init")
    target = 1.0 if warmup_prefix or not warmup_t else schedule(warmup_t)
    return _warm(schedule, warmup_t, start, warmup_prefix, target)


def StepLRScheduler(
    decay_t: float,
    decay_rate: float = 1.0,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = True,
    noise_range_t: Any = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """Multiply by `decay_rate` every `decay_t` steps, after a warmup.

    Args:
        decay_t: Steps between two drops.
        decay_rate: What a drop multiplies by; 1 by default.
        warmup_t: Steps of the warmup.
        warmup_lr_init: The rate it begins at.
        warmup_prefix: Whether it comes before the schedule.
        noise_range_t: `None`; see the module's text.
        lr: The optimizer's rate.

    >>> print(StepLRScheduler(30, 0.5, warmup_t=10))
    step_decay(every=30) | warmup(10)
    """
    _no_noise(noise_range_t, "StepLRScheduler")
    start = floor(warmup_lr_init, lr, "StepLRScheduler", "warmup_lr_init")
    return _warm(StepDecay(decay_rate, every=decay_t), warmup_t, start, warmup_prefix)


def MultiStepLRScheduler(
    decay_t: Iterable[int],
    decay_rate: float = 1.0,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    warmup_prefix: bool = True,
    noise_range_t: Any = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """Multiply by `decay_rate` one step *before* each of `decay_t`, as timm does.

    Args:
        decay_t: Where the rate drops, plus 1.
        decay_rate: What a drop multiplies by; 1 by default.
        warmup_t: Steps of the warmup.
        warmup_lr_init: The rate it begins at.
        warmup_prefix: Whether it comes before the schedule.
        noise_range_t: `None`; see the module's text.
        lr: The optimizer's rate.

    >>> print(MultiStepLRScheduler([30, 60], 0.5))
    piecewise([29, 59], values=[1.0, 0.5, 0.25])
    """
    _no_noise(noise_range_t, "MultiStepLRScheduler")
    start = floor(warmup_lr_init, lr, "MultiStepLRScheduler", "warmup_lr_init")
    schedule = drops([step - 1 for step in decay_t], decay_rate)
    return _warm(schedule, warmup_t, start, warmup_prefix)


def WSDLRScheduler(
    t_initial: int,
    decay_t: int,
    lr_min: float = 0.0,
    stable_fn: str = "constant",
    stable_timescale: int | None = None,
    decay_fn: str = "1-sqrt",
    decay_power: float = 0.5,
    warmup_t: int = 0,
    warmup_lr_init: float = 0.0,
    noise_range_t: Any = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """Warm up, stay or fall slowly, decay.

    Args:
        t_initial: Steps after the warmup.
        decay_t: The last of them, in which it decays.
        lr_min: The floor, a rate; with "rsqrt" it must be 0.
        stable_fn: "constant" or "rsqrt".
        stable_timescale: Steps, for "rsqrt"; `None` for the warmup's.
        decay_fn: "linear", "1-sqrt", "cosine" or "power".
        decay_power: For "power", 1 − p^power.
        warmup_t: Steps of the warmup, which comes first.
        warmup_lr_init: The rate it begins at.
        noise_range_t: `None`; see the module's text.
        lr: The optimizer's rate.

    >>> print(WSDLRScheduler(90, 20, warmup_t=10))
    constant() | cooldown(20, shape=1-sqrt, start=70) | warmup(10)
    """
    owner = "WSDLRScheduler"
    _no_noise(noise_range_t, owner)
    low = floor(lr_min, lr, owner, "lr_min")
    if stable_fn not in ("constant", "rsqrt") or (stable_fn == "rsqrt" and low):
        raise InvalidInput(
            f"{owner} has stable_fn='constant', or 'rsqrt' with lr_min=0. "
            f"Received: stable_fn={stable_fn!r}, lr_min={lr_min!r}."
        )
    stable: Schedule = Constant()
    if stable_fn == "rsqrt":
        stable = InverseSqrt(whole(stable_timescale or warmup_t, owner, "stable_timescale"))
    begin = t_initial - decay_t
    if decay_fn in ("linear", "1-sqrt", "cosine"):
        schedule = stable.cooldown(decay_t, decay_fn, end=low, start=begin)
    elif decay_fn == "power":
        fall = Linear(end=low, length=decay_t).k_decay(decay_power)
        schedule = sequence([Constant(), fall], [begin])
        schedule = schedule if stable_fn == "constant" else stable * schedule
    else:
        raise InvalidInput(
            f"{owner}'s decay_fn is 'linear', '1-sqrt', 'cosine' or 'power'. "
            f"Received: decay_fn={decay_fn!r}."
        )
    return _warm(schedule, warmup_t, floor(warmup_lr_init, lr, owner, "warmup_lr_init"), True)


def PlateauLRScheduler(*args: Any, **kwargs: Any) -> NoReturn:
    """Refused: a rule, no schedule.

    Raises:
        InvalidInput: Always; it says what to write.
    """
    refuse_plateau("PlateauLRScheduler")


def _bent(schedule: Schedule, power: float) -> Schedule:
    return schedule if power == 1.0 or isinstance(schedule, Constant) else schedule.k_decay(power)


def _cycles(
    cycle: _Cycle, length: int, low: float, stretch: float, decay: float, times: int, owner: str
) -> Schedule:
    if times == 1:
        return cycle(1.0, low, length)
    if low == 0.0 or decay == 1.0:
        return cycle(1.0, low, length).repeat(length, times=times, stretch=stretch, decay=decay)
    # Each peak is lower, and each floor the same: every cycle has numbers of its own.
    parts = [
        cycle(decay**index, low, whole(length * stretch**index, owner, "t_initial·cycle_mul^i"))
        for index in range(times)
    ]
    sizes = [round(length * stretch**index) for index in range(times)]
    return sequence(parts, [sum(sizes[: index + 1]) for index in range(times - 1)])


def _warm(
    schedule: Schedule, steps: int, start: float, prefix: bool, target: float = 1.0
) -> Schedule:
    if not steps:
        return schedule
    if prefix:
        return risen(schedule, steps, start, target)
    return sequence([ramp(start, target, steps), schedule.offset(steps)], [steps])


def _no_noise(noise: Any, owner: str) -> None:
    if noise is not None:
        raise InvalidInput(
            f"{owner}'s noise comes from torch's generator, whose numbers aren't had here. Leave "
            "noise_range_t out and write .noise(std, limit=noise_pct) after the schedule. "
            f"Received: noise_range_t={noise!r}."
        )
