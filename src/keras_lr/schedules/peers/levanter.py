"""levanter's `OptimizerConfig.lr_scheduler` by its configuration's names: rates.

Values: the formulas of levanter/optim/config.py (2025), for its named schedules.
"""

from collections.abc import Sequence

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.peers.parts import first_twice, ramp, sequence
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import TimeDecay
from keras_lr.schedules.shapes.power import Power
from keras_lr.schedules.shapes.ramps import Cosine

_KINDS = ("constant", "cosine", "linear", "inv_sqrt", "inv")
_TIMESCALE = 10_000


def lr_scheduler(
    num_train_steps: int,
    learning_rate: float = 6e-4,
    min_lr_ratio: float = 0.1,
    warmup: float = 0.01,
    decay: float | None = None,
    rewarmup: float = 0.0,
    cycles: int | Sequence[int] | None = None,
    lr_schedule: str = "cosine",
) -> Schedule:
    """Warm up, stay, decay; again in each cycle.

    Args:
        num_train_steps: All steps.
        learning_rate: The peak.
        min_lr_ratio: The floor, as a part of it.
        warmup: Steps up in the first cycle: a part of it (up to 1), or a number of steps.
        decay: Steps down in each: a part, or a number; `None` for all after the warmup.
        rewarmup: Steps up in the other cycles: a part, or a number.
        cycles: How many, or the steps at which they end; `None` for one.
        lr_schedule: "constant", "cosine", "linear", "inv_sqrt" or "inv".

    >>> print(lr_scheduler(1000, 0.001, warmup=100))
    join(linear(start=0.0, end=1.0, length=100), cosine(end=0.1, length=900), boundaries=[100]) | rate(0.001)
    >>> print(lr_scheduler(1000, 0.001, warmup=0.1, decay=0.2, cycles=2, lr_schedule="linear"))
    join(linear(start=0.0, end=1.0, length=50), constant(), linear(end=0.1, length=100), constant(), linear(end=0.1, length=100), boundaries=[50, 400, 500, 900]) | rate(0.001)
    """
    if lr_schedule not in _KINDS:
        raise InvalidInput(
            f"levanter has no lr_schedule {lr_schedule!r}. {nearest(lr_schedule, _KINDS)}"
        )
    ends = _ends(num_train_steps, cycles)
    parts: list[Schedule] = []
    starts: list[int] = []
    last = 0.0
    for begin, end in zip([0, *ends], ends, strict=False):
        length = end - begin
        warm = _steps(rewarmup if begin else warmup, length)
        fall = length - warm if decay is None else _steps(decay, length)
        if fall < 1 or warm + fall > length:
            raise InvalidInput(
                f"levanter's warmup and decay must fit into a cycle of {length} steps. "
                f"Received: {warm} steps of warmup, {fall} of decay."
            )
        down = _decay(lr_schedule, min_lr_ratio, warm, fall)
        for part, steps in (
            (ramp(last, 1.0, max(warm, 1)), warm),
            (Constant(), length - warm - fall),
            (down, fall),
        ):
            if steps:
                parts.append(part)
                starts.append((starts[-1] if starts else 0) + steps)
        last = down(fall)
    return sequence(parts, starts[:-1]).rate(learning_rate)


def _decay(kind: str, low: float, warm: int, steps: int) -> Schedule:
    if kind == "constant":
        return Constant()
    if kind == "cosine":
        return ramp(1.0, low, steps, Cosine)
    if kind == "linear":
        return ramp(1.0, low, steps)
    if kind == "inv_sqrt":
        fall: Schedule = Power(_TIMESCALE**0.5, -0.5)
        fall = fall.offset(warm) if warm else fall
    else:
        fall = first_twice(TimeDecay((1 / low - 1) / steps))
    return fall.clip(low) if low else fall


def _ends(total: int, cycles: int | Sequence[int] | None) -> list[int]:
    if cycles is None:
        return [total]
    if isinstance(cycles, int):
        return [*(int(total / cycles * index) for index in range(1, cycles)), total]
    ends = list(cycles)
    return ends if ends and ends[-1] == total else [*ends, total]


def _steps(part: float, total: int) -> int:
    return int(part * total) if part <= 1 else int(part)
