"""DeepSpeed's schedules by name and argument: rates, and factors of `WarmupCosineLR`.

A step here is DeepSpeed's iteration (`last_batch_iteration`). Its scheduler is stepped after an
update, so its first update comes before iteration 0, at the first rate; `.warmup(1, start=1.0)`
behind a schedule is that one step more. Values: the formulas of deepspeed/runtime/lr_schedules.py.
"""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import largest, ramp, rest, risen, sequence, share
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import TimeDecay
from keras_lr.schedules.shapes.ramps import Cosine

_NAMES = ("total_num_steps", "warmup_num_steps")


def WarmupLR(
    warmup_min_lr: float = 0.0,
    warmup_max_lr: float = 0.001,
    warmup_num_steps: int = 1000,
    warmup_type: str = "log",
) -> Schedule:
    """Up along a logarithm (or a line), then `warmup_max_lr`.

    Args:
        warmup_min_lr: The first rate.
        warmup_max_lr: The last.
        warmup_num_steps: Steps up, at least 2. Along the logarithm the last of them is at the top.
        warmup_type: "log" or "linear".

    >>> print(WarmupLR(warmup_num_steps=100))
    constant() | warmup(99, shape=log) | rate(0.001)
    """
    low = share(warmup_min_lr, warmup_max_lr)
    return _warm(Constant(), warmup_num_steps, warmup_type, low).rate(warmup_max_lr)


def WarmupDecayLR(
    total_num_steps: int,
    warmup_min_lr: float = 0.0,
    warmup_max_lr: float = 0.001,
    warmup_num_steps: int = 1000,
    warmup_type: str = "log",
) -> Schedule:
    """Up as `WarmupLR`, down along a line to `warmup_min_lr`.

    Args:
        total_num_steps: All steps.
        warmup_min_lr: The first rate, and the last.
        warmup_max_lr: The peak.
        warmup_num_steps: Steps up, at least 2.
        warmup_type: "log" or "linear".

    >>> print(WarmupDecayLR(100, warmup_num_steps=10, warmup_type="linear"))
    linear(length=90) | warmup(10) | rate(0.001)
    """
    steps = max(warmup_num_steps, 2)
    left = rest(total_num_steps, steps, "WarmupDecayLR", _NAMES)
    low = share(warmup_min_lr, warmup_max_lr)
    fall = ramp(1.0, low, left)
    if warmup_type == "log":  # at the top a step early, and there for two
        fall = fall.warmup(1, start=1.0)
    return _warm(fall, steps, warmup_type, low).rate(warmup_max_lr)


def WarmupCosineLR(
    total_num_steps: int,
    warmup_min_ratio: float = 0.0,
    warmup_num_steps: int = 1000,
    cos_min_ratio: float = 0.0001,
    warmup_type: str = "log",
) -> Schedule:
    """Up as `WarmupLR`, down along half a cosine: factors.

    The *last* step has `cos_min_ratio`, and later ones too; DeepSpeed's rise again.

    Args:
        total_num_steps: All steps.
        warmup_min_ratio: The first factor.
        warmup_num_steps: Steps up, at least 2.
        cos_min_ratio: The last factor.
        warmup_type: "log" or "linear".

    >>> print(WarmupCosineLR(100, warmup_num_steps=10))
    cosine(end=0.0001, length=90) | warmup(9, shape=log)
    """
    steps = max(warmup_num_steps, 2)
    left = rest(total_num_steps, steps, "WarmupCosineLR", _NAMES)
    fall = ramp(1.0, cos_min_ratio, left, Cosine)
    if warmup_type == "log":
        return _warm(fall, steps, warmup_type, warmup_min_ratio)
    return sequence([ramp(warmup_min_ratio, 1.0, steps), fall.offset(1)], [steps])


def OneCycle(
    cycle_min_lr: float,
    cycle_max_lr: float,
    decay_lr_rate: float = 0.0,
    cycle_first_step_size: int = 2000,
    cycle_second_step_size: int | None = None,
    decay_step_size: int = 0,
) -> Schedule:
    """A line up, a line down, then a decay by inverse time.

    Args:
        cycle_min_lr: The first rate, above 0.
        cycle_max_lr: The peak.
        decay_lr_rate: After the cycle the rate is cycle_min_lr/(1 + decay_lr_rate·k).
        cycle_first_step_size: Steps up.
        cycle_second_step_size: Steps down; `None` for as many.
        decay_step_size: Steps in which k grows by 1; 0 for no decay.

    >>> print(OneCycle(0.01, 0.1, 0.5, cycle_first_step_size=20, decay_step_size=10))
    join(linear(start=0.1, end=1.0, length=20), linear(end=0.1, length=20), (time_decay(0.05) | offset(1)) * constant(0.1), boundaries=[20, 40]) | rate(0.1)
    """
    up = cycle_first_step_size
    down = up if cycle_second_step_size is None else cycle_second_step_size
    peak = largest(cycle_min_lr, cycle_max_lr)
    low, top = share(cycle_min_lr, peak), share(cycle_max_lr, peak)
    parts = [ramp(low, top, up), ramp(top, low, down)]
    boundaries = [up]
    if decay_step_size and decay_lr_rate:
        after = TimeDecay(share(decay_lr_rate, decay_step_size)).offset(1)
        parts.append(after * low)
        boundaries.append(up + down)
    return sequence(parts, boundaries).rate(peak)


def _warm(schedule: Schedule, steps: int, shape: str, start: float) -> Schedule:
    steps = max(steps, 2)
    if shape == "log":
        return schedule.warmup(steps - 1, "log", start=start)
    if shape == "linear":
        return risen(schedule, steps, start)
    raise InvalidInput(
        f"DeepSpeed's warmup_type is 'log' or 'linear'. Received: warmup_type={shape!r}."
    )
