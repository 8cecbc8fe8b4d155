"""What a composition can do at most, derived from its parts: its range, and a step's change.

The range of a shape is what its settings say, whatever it computes; only how fast it moves is
measured by running it. What a composition makes of its parts is worked out here from the definition
of each transform, without running the composition.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from keras_lr.schedules import (
    Between,
    Clip,
    Constant,
    Cooldown,
    Hold,
    Join,
    KDecay,
    Noise,
    Offset,
    OneCycle,
    Piecewise,
    Plan,
    PolynomialRestarts,
    Power,
    Product,
    Rate,
    Repeat,
    Schedule,
    Warmup,
)
from keras_lr.schedules.shapes.ramp import Ramp

LAST = 2**31 - 1


@dataclass(frozen=True)
class Limits:
    """The range of the values, and the largest change from a step to the next."""

    low: float
    high: float
    swing: float


RANGES: dict[type[Schedule], Callable[[Any], tuple[float, ...]]] = {
    Constant: lambda shape: (shape.value,),
    OneCycle: lambda shape: (shape.start, shape.end, 1.0),
    Piecewise: lambda shape: shape.values,
    PolynomialRestarts: lambda shape: (shape.end, shape.start),
    Power: lambda shape: (0.0, min(shape.scale, 1.0)),
    Ramp: lambda shape: (shape.start, shape.end),  # and what is derived from it
}
"""What the values of a shape lie between, by its settings; all others stay within 0 and 1."""


def reach(shape: Schedule) -> tuple[float, float]:
    """The lowest and the highest value that the settings of `shape` allow."""
    for cls in type(shape).__mro__:
        if cls in RANGES:
            values = RANGES[cls](shape)
            return min(values), max(values)
    return 0.0, 1.0


@singledispatch
def limits(schedule: Schedule, steps: int, fine: bool = False) -> Limits:
    """What `schedule` does at most; of a shape, the range its settings say.

    Args:
        schedule: Laid out.
        steps: As far as its change from a step to the next is looked at.
        fine: Whether steps may be fractions, as under a transform that bends or stretches time.
    """
    grid = np.arange(0, 4 * steps + 5) / 4 if fine else np.arange(0, steps + 1)
    values = schedule(grid)
    change = np.abs(np.diff(values))
    swing = float(change.max())
    if fine:  # any two fractional steps, one apart: over five of the grid, and one more at each end
        windows = np.lib.stride_tricks.sliding_window_view(values, 5)
        swing = float(np.ptp(windows, axis=1).max()) + 2 * swing
    return Limits(*reach(schedule), swing)


def _power(change: float, power: float) -> float:
    """The largest change of x^power, where x (0 to 1) changes by `change`."""
    change = min(change, 1.0)
    return change**power if power <= 1 else 1 - (1 - change) ** power


def _ramp(shape: str, length: float) -> float:
    """The largest change of a ramp from a step to the next."""
    return {
        "linear": 1 / length,
        "cosine": math.sin(math.pi / 2 / length),
        "1-sqrt": math.sqrt(1 / length),
        "1-square": 1 - (1 - 1 / length) ** 2,
        "exponential": 2 - 2 ** (1 - 1 / length),
        "log": math.log(2) / math.log(1 + length),
    }[shape]


@limits.register
def _(schedule: Plan, steps: int, fine: bool = False) -> Limits:
    return limits(schedule.schedule, steps, fine)


@limits.register
def _(schedule: OneCycle, steps: int, fine: bool = False) -> Limits:
    # The peak may lie between two steps, and be narrow: a grid would miss it.
    last = schedule.length - 1
    top = schedule.peak * schedule.length - 1
    lengths = [top, last - max(top, 0)] if schedule.phases == 2 else [top, top, last - 2 * top]
    heights = [1 - schedule.start, 1 - schedule.end]
    if schedule.phases == 3:
        heights = [1 - schedule.start, 1 - schedule.start, schedule.start - schedule.end]
    changes = [
        height * _ramp(schedule.shape, max(length, 1))
        for height, length in zip(heights, lengths, strict=True)
    ]
    swing = max(changes[0], sum(changes[1:]))  # two falls may meet within a step
    return Limits(*reach(schedule), swing)


@limits.register
def _(schedule: Warmup, steps: int, fine: bool = False) -> Limits:
    inner = limits(schedule.schedule, steps, fine)
    first = schedule.schedule(0)
    rise = _power(_ramp(schedule.shape, schedule.length), schedule.power)
    rise *= first * (1 - schedule.start)
    swing = rise + inner.swing if fine else max(rise, inner.swing)  # they meet on a whole step
    return Limits(min(first * schedule.start, inner.low), inner.high, swing)


@limits.register
def _(schedule: Cooldown, steps: int, fine: bool = False) -> Limits:
    inner = limits(schedule.schedule, steps, fine)
    fall = (1 - schedule.end) * _ramp(schedule.shape, schedule.length)
    return Limits(inner.low * schedule.end, inner.high, inner.swing + inner.high * fall)


@limits.register
def _(schedule: Repeat, steps: int, fine: bool = False) -> Limits:
    fine = fine or schedule.stretch > 1
    cycle = schedule.schedule
    length = cycle.span() if schedule.length is None else schedule.length
    inner = limits(cycle, length, fine)
    restart = abs(cycle(length) - cycle(0) * schedule.decay) + (1 + fine) * inner.swing
    low = inner.low * schedule.decay ** (LAST if schedule.times is None else schedule.times - 1)
    return Limits(low, inner.high, max(inner.swing, restart))


@limits.register
def _(schedule: Hold, steps: int, fine: bool = False) -> Limits:
    return limits(schedule.schedule, steps, fine)


@limits.register
def _(schedule: Offset, steps: int, fine: bool = False) -> Limits:
    return limits(schedule.schedule, steps + schedule.length, fine)


@limits.register
def _(schedule: Clip, steps: int, fine: bool = False) -> Limits:
    inner = limits(schedule.schedule, steps, fine)
    high = math.inf if schedule.high is None else schedule.high
    low, top = (min(max(value, schedule.low), high) for value in (inner.low, inner.high))
    return Limits(low, top, min(inner.swing, top - low))


@limits.register
def _(schedule: Between, steps: int, fine: bool = False) -> Limits:
    inner = limits(schedule.schedule, steps, fine)
    width = schedule.high - schedule.low
    ends = sorted(schedule.low + width * value for value in (inner.low, inner.high))
    return Limits(max(ends[0], 0.0), ends[1], abs(width) * inner.swing)


@limits.register
def _(schedule: Rate, steps: int, fine: bool = False) -> Limits:
    inner = limits(schedule.schedule, steps, fine)
    return Limits(*(schedule.value * limit for limit in (inner.low, inner.high, inner.swing)))


@limits.register
def _(schedule: KDecay, steps: int, fine: bool = False) -> Limits:
    length = schedule.schedule.span()
    inner = limits(schedule.schedule, length, True)
    passed = math.ceil(length * _power(1 / length, schedule.power))  # steps of the inner schedule
    return Limits(inner.low, inner.high, passed * inner.swing)


@limits.register
def _(schedule: Noise, steps: int, fine: bool = False) -> Limits:
    inner, limit = limits(schedule.schedule, steps, fine), schedule.limit
    swing = (1 + limit) * inner.swing + 2 * limit * inner.high
    return Limits((1 - limit) * inner.low, (1 + limit) * inner.high, swing)


@limits.register
def _(schedule: Product, steps: int, fine: bool = False) -> Limits:
    low, high, swing = 1.0, 1.0, 0.0
    for part in schedule.schedules:
        inner = limits(part, steps, fine)
        swing = swing * inner.high + high * inner.swing
        low, high = low * inner.low, high * inner.high
    return Limits(low, high, swing)


@limits.register
def _(schedule: Join, steps: int, fine: bool = False) -> Limits:
    found = [limits(part, steps, fine) for part in schedule.schedules]
    swing = max(part.swing for part in found)
    starts = (0, *schedule.boundaries)
    for index, boundary in enumerate(schedule.boundaries):
        before, after = schedule.schedules[index : index + 2]
        turn = boundary - starts[index]
        jump = abs(before(turn - 1) - after(0))
        swing = max(swing, jump + fine * 2 * (found[index].swing + found[index + 1].swing))
    return Limits(min(part.low for part in found), max(part.high for part in found), swing)
