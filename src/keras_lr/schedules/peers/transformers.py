"""The schedules of Hugging Face's transformers by name and argument, less the optimizer.

Factors of the optimizer's rate. `num_training_steps` counts the warmup; floors that are rates
(`lr_end`, `min_lr`) need `lr`, the optimizer's. Values: transformers 5.23. Its cosines rise again
after `num_training_steps`; these stay.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.peers.parts import floor, refuse_plateau, rest, sequence, whole
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.inverse_sqrt import InverseSqrt
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial
from keras_lr.schedules.transforms.join import join

_NAMES = ("num_training_steps", "num_warmup_steps")


def get_constant_schedule() -> Schedule:
    """The optimizer's rate.

    >>> print(get_constant_schedule())
    constant()
    """
    return Constant()


def get_constant_schedule_with_warmup(num_warmup_steps: int) -> Schedule:
    """A line up, then the optimizer's rate.

    >>> print(get_constant_schedule_with_warmup(10))
    constant() | warmup(10)
    """
    return _warm(Constant(), num_warmup_steps)


def get_linear_schedule_with_warmup(num_warmup_steps: int, num_training_steps: int) -> Schedule:
    """A line up, a line down to 0.

    >>> print(get_linear_schedule_with_warmup(10, 100))
    linear(length=90) | warmup(10)
    """
    left = rest(num_training_steps, num_warmup_steps, "get_linear_schedule_with_warmup", _NAMES)
    return _warm(Linear(length=left), num_warmup_steps)


def get_cosine_schedule_with_warmup(
    num_warmup_steps: int, num_training_steps: int, num_cycles: float = 0.5
) -> Schedule:
    """A line up, half a cosine down; or `num_cycles` whole waves, down and up.

    >>> print(get_cosine_schedule_with_warmup(10, 100))
    cosine(length=90) | warmup(10)
    """
    owner = "get_cosine_schedule_with_warmup"
    left = rest(num_training_steps, num_warmup_steps, owner, _NAMES)
    return _warm(_wave(left, num_cycles, 0.0), num_warmup_steps)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    num_warmup_steps: int, num_training_steps: int, num_cycles: int = 1
) -> Schedule:
    """A line up, `num_cycles` half cosines down, equally long: a cycle may end between two steps.

    Args:
        num_warmup_steps: Steps up.
        num_training_steps: All steps.
        num_cycles: Half cosines, a whole number.

    >>> print(get_cosine_with_hard_restarts_schedule_with_warmup(10, 100, num_cycles=3))
    cosine(length=30) | repeat(length=30, times=3) | warmup(10)
    """
    owner = "get_cosine_with_hard_restarts_schedule_with_warmup"
    left = rest(num_training_steps, num_warmup_steps, owner, _NAMES)
    if num_cycles == 1:
        return _warm(Cosine(length=left), num_warmup_steps)
    cycles = whole(num_cycles, owner, "num_cycles")
    if not 1 <= cycles <= left:
        raise InvalidInput(
            f"{owner} needs 1 to {left} cycles, a step each at least. "
            f"Received: num_cycles={num_cycles!r}."
        )
    length = left / cycles
    cosine = Cosine(length=math.ceil(length))
    return _warm(cosine.repeat(length, times=cycles), num_warmup_steps)


def get_polynomial_decay_schedule_with_warmup(
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    *,
    lr: float | None = None,
) -> Schedule:
    """A line up, a power of the share that is left down to `lr_end`.

    Args:
        num_warmup_steps: Steps up.
        num_training_steps: All steps.
        lr_end: A rate; not 0 by default.
        power: 1 for a line.
        lr: The optimizer's rate, which `lr_end` is turned into a factor of.

    >>> print(get_polynomial_decay_schedule_with_warmup(10, 100, lr=0.001))
    polynomial(end=0.0001, length=90) | warmup(10)
    """
    owner = "get_polynomial_decay_schedule_with_warmup"
    left = rest(num_training_steps, num_warmup_steps, owner, _NAMES)
    end = floor(lr_end, lr, owner, "lr_end")
    return _warm(Polynomial(end=end, power=power, length=left), num_warmup_steps)


def get_inverse_sqrt_schedule(num_warmup_steps: int, timescale: int | None = None) -> Schedule:
    """A line up, then 1/√(1 + (step − warmup)/timescale).

    Args:
        num_warmup_steps: Steps up.
        timescale: Steps; `None` for the warmup's, or 10000 without one.

    >>> print(get_inverse_sqrt_schedule(10))
    inverse_sqrt(10) | warmup(10)
    """
    scale = timescale or num_warmup_steps or 10_000
    return _warm(
        InverseSqrt(whole(scale, "get_inverse_sqrt_schedule", "timescale")), num_warmup_steps
    )


def get_cosine_with_min_lr_schedule_with_warmup(
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """A line up from 0, half a cosine down to a floor.

    Args:
        num_warmup_steps: Steps up.
        num_training_steps: All steps.
        num_cycles: Whole waves, down and up.
        min_lr: The floor as a rate, or
        min_lr_rate: the floor as a factor.
        lr: The optimizer's rate, which `min_lr` is turned into a factor of.

    >>> print(get_cosine_with_min_lr_schedule_with_warmup(10, 100, min_lr_rate=0.1))
    cosine(end=0.1, length=90) | warmup(10)
    """
    owner = "get_cosine_with_min_lr_schedule_with_warmup"
    left = rest(num_training_steps, num_warmup_steps, owner, _NAMES)
    low = _lowest(min_lr, min_lr_rate, lr, owner)
    return _warm(_wave(left, num_cycles, low), num_warmup_steps)


def get_cosine_with_min_lr_schedule_with_warmup_lr_rate(
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """The same a step ahead: the first step isn't at 0, and the *last* step has the floor.

    Args:
        num_warmup_steps: Steps up, the one at the top among them; at least 2.
        num_training_steps: All steps.
        num_cycles: Whole waves, down and up.
        min_lr: The floor as a rate, or
        min_lr_rate: the floor as a factor.
        warmup_lr_rate: The first factor; `None` for 1/num_warmup_steps.
        lr: The optimizer's rate, which `min_lr` is turned into a factor of.

    >>> print(get_cosine_with_min_lr_schedule_with_warmup_lr_rate(10, 100, min_lr_rate=0.1))
    cosine(end=0.1, length=90) | warmup(9, start=0.1)
    """
    owner = "get_cosine_with_min_lr_schedule_with_warmup_lr_rate"
    left = rest(num_training_steps, num_warmup_steps, owner, _NAMES)
    wave = _wave(left, num_cycles, _lowest(min_lr, min_lr_rate, lr, owner))
    steps = whole(num_warmup_steps, owner, "num_warmup_steps")
    if steps == 0:
        return wave.offset(1)
    start = 1.0 / steps if warmup_lr_rate is None else warmup_lr_rate
    if steps == 1:
        return wave if start == 1.0 else sequence([Constant(start), wave.offset(1)], [1])
    return wave.warmup(steps - 1, start=start)


def get_wsd_schedule(
    num_warmup_steps: int,
    num_decay_steps: int,
    num_training_steps: int | None = None,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
) -> Schedule:
    """Warm up, stay, decay.

    Args:
        num_warmup_steps: Steps up.
        num_decay_steps: Steps down.
        num_training_steps: All steps; or give
        num_stable_steps: the steps between.
        warmup_type: "linear", "cosine" or "1-sqrt"; it begins at `min_lr_ratio`.
        decay_type: "linear", "cosine" or "1-sqrt"; it ends at `min_lr_ratio`.
        min_lr_ratio: The floor as a factor.
        num_cycles: Whole waves of a cosine decay, down and up.

    >>> print(get_wsd_schedule(10, 20, 100, decay_type="1-sqrt"))
    constant() | warmup(10) | cooldown(20, shape=1-sqrt, start=80)
    """
    owner = "get_wsd_schedule"
    for name, kind in (("warmup_type", warmup_type), ("decay_type", decay_type)):
        if kind not in ("linear", "cosine", "1-sqrt"):
            raise InvalidInput(
                f"{owner}'s {name} is 'linear', 'cosine' or '1-sqrt'. Received: {name}={kind!r}."
            )
    warm = whole(num_warmup_steps, owner, "num_warmup_steps")
    decay = whole(num_decay_steps, owner, "num_decay_steps")
    if num_stable_steps is None:
        if num_training_steps is None:
            raise InvalidInput(
                f"{owner} needs num_training_steps or num_stable_steps. Received: neither."
            )
        num_stable_steps = whole(num_training_steps, owner, "num_training_steps") - warm - decay
    stable = whole(num_stable_steps, owner, "num_stable_steps")
    if stable < 0:
        raise InvalidInput(
            f"{owner}'s warmup and decay take more than num_training_steps. Received: "
            f"num_warmup_steps={warm}, num_decay_steps={decay}, {num_training_steps=}."
        )
    risen: Schedule = Constant()
    if warm:
        risen = risen.warmup(warm, warmup_type, start=min_lr_ratio)
    if decay == 0:
        return risen
    if decay_type == "cosine" and num_cycles != 0.5:
        return sequence([risen, _wave(decay, num_cycles, min_lr_ratio)], [warm + stable])
    return risen.cooldown(decay, decay_type, end=min_lr_ratio, start=warm + stable)


def get_reduce_on_plateau_schedule(*args: Any, **kwargs: Any) -> NoReturn:
    """Refused: a rule, no schedule.

    Raises:
        InvalidInput: Always; it says what to write.
    """
    refuse_plateau("get_reduce_on_plateau_schedule")


_SCHEDULERS = {
    "linear": get_linear_schedule_with_warmup,
    "cosine": get_cosine_schedule_with_warmup,
    "cosine_with_restarts": get_cosine_with_hard_restarts_schedule_with_warmup,
    "polynomial": get_polynomial_decay_schedule_with_warmup,
    "constant": get_constant_schedule,
    "constant_with_warmup": get_constant_schedule_with_warmup,
    "inverse_sqrt": get_inverse_sqrt_schedule,
    "reduce_lr_on_plateau": get_reduce_on_plateau_schedule,
    "cosine_with_min_lr": get_cosine_with_min_lr_schedule_with_warmup,
    "cosine_warmup_with_min_lr": get_cosine_with_min_lr_schedule_with_warmup_lr_rate,
    "warmup_stable_decay": get_wsd_schedule,
}


def get_scheduler(
    name: str,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
    *,
    lr: float | None = None,
) -> Schedule:
    """A schedule by the name that `TrainingArguments(lr_scheduler_type=...)` takes.

    Args:
        name: Such as "cosine" or "warmup_stable_decay".
        num_warmup_steps: Steps up.
        num_training_steps: All steps.
        scheduler_specific_kwargs: `TrainingArguments`' `lr_scheduler_kwargs`.
        lr: The optimizer's rate, where a floor is a rate.

    >>> print(get_scheduler("cosine_with_min_lr", 10, 100, {"min_lr": 1e-5}, lr=1e-3))
    cosine(end=0.01, length=90) | warmup(10)
    """
    if name not in _SCHEDULERS:
        raise InvalidInput(f"transformers has no schedule {name!r}. {nearest(name, _SCHEDULERS)}")
    build = _SCHEDULERS[name]
    given = dict(scheduler_specific_kwargs or {})
    taken = inspect.signature(build).parameters
    common = {
        "num_warmup_steps": num_warmup_steps,
        "num_training_steps": num_training_steps,
        "lr": lr,
    }
    given |= {key: value for key, value in common.items() if key in taken and value is not None}
    return build(**given)


def _warm(schedule: Schedule, steps: int) -> Schedule:
    steps = whole(steps, "A warmup", "num_warmup_steps")
    return schedule.warmup(steps) if steps else schedule


def _lowest(min_lr: float | None, min_lr_rate: float | None, lr: float | None, owner: str) -> float:
    if (min_lr is None) == (min_lr_rate is None):
        raise InvalidInput(
            f"{owner} needs min_lr (a rate) or min_lr_rate (a factor), one of them. "
            f"Received: min_lr={min_lr!r}, min_lr_rate={min_lr_rate!r}."
        )
    return floor(min_lr, lr, owner, "min_lr") if min_lr is not None else min_lr_rate  # type: ignore[return-value]


def _wave(steps: int, cycles: float, low: float) -> Schedule:
    """(1 + cos(2π·cycles·p))/2 from 1 to `low`, until p = 1."""
    if cycles == 0.5:
        return Cosine(end=low, length=steps)
    if cycles == 0:
        return Constant()
    half = _parts(steps, 2 * cycles)
    fall = Cosine(end=low, length=half)
    if half >= steps:
        return fall.hold(steps)
    rise = Cosine(length=half).between(1.0, low)
    return join([fall, rise]).repeat(2 * half).hold(steps)


def _parts(steps: int, count: float) -> int:
    length = round(steps / count) if count > 0 else 0
    if length < 1 or abs(length * count - steps) > 1e-9 * steps:
        raise InvalidInput(
            f"A cosine's falls and rises take whole steps, and {steps} steps can't be cut into "
            f"{count:g}. Choose steps (less the warmup) and num_cycles that fit, or write it as a "
            "callable of the step: schedules.as_schedule(...). "
            f"Received: {steps} steps after the warmup."
        )
    return length
