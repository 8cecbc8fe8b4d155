"""The arithmetic that shapes share, written once over a namespace `xp`: numpy or `keras.ops`.

Steps stay integers until a difference or a quotient of them is needed, because float32 can't tell
2**24 from 2**24 + 1. Values are computed upwards from the lower end, from the share that is left
or done, so that both ends are exact, nothing rises by rounding, and nothing leaves its range.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput, nearest


def real(value: Any, xp: Any) -> Any:
    """`value` as float64 (numpy) or float32 (`keras.ops`)."""
    return np.asarray(value, dtype=np.float64) if xp is np else xp.cast(value, "float32")


def done(step: Any, length: int, xp: Any) -> Any:
    """The share of `length` that is behind `step`: 0 at the first step, 1 from `length` on."""
    return real(at_most(step, length, xp), xp) / length


def left(step: Any, length: int, xp: Any) -> Any:
    """The share of `length` that is ahead of `step`: 1 at the first step, 0 from `length` on."""
    return real(length - at_most(step, length, xp), xp) / length


def after(step: Any, start: int, xp: Any) -> Any:
    """Steps since `start`, 0 before it: the step that a shifted schedule sees."""
    return at_least(step - start, 0, xp)


def fill(value: float, like: Any, xp: Any) -> Any:
    """`value` in the shape and type of `like`.

    A Python number that goes into `where`, `minimum` or `power` may be rounded to Keras's `floatx`
    first, which is float16 for some, and where that is bfloat16 turns integers into floats; one
    that meets a tensor in an operator never does.
    """
    return xp.ones_like(like) * value


def at_most(value: Any, most: Any, xp: Any) -> Any:
    """The lower of `value` and the number `most`, in the type of `value`: integers stay integers."""
    return xp.minimum(value, fill(most, value, xp))


def at_least(value: Any, least: Any, xp: Any) -> Any:
    """The higher of `value` and the number `least`, in the type of `value`."""
    return xp.maximum(value, fill(least, value, xp))


def between(low: float, high: float, share: Any, xp: Any) -> Any:
    """The value at `share` (0 to 1) of the way from `low` up to `high`; both ends are exact."""
    top = fill(high, share, xp)
    return xp.where(share < 1.0, xp.minimum(low + (high - low) * share, top), top)


def period_ratio(every: float) -> Fraction:
    """`every` as a fraction whose terms are small enough to count with in 32 bits."""
    return Fraction(every).limit_denominator(max(1, min(4096, math.isqrt(int(2**31 / every)))))


def periods(step: Any, every: float, xp: Any) -> Any:
    """Whole periods of `every` steps finished at `step`, as a float.

    An epoch may hold 2.5 updates under gradient accumulation; the count stays exact, because it is
    done in integers, none of which leaves the 32 bits that a backend counts in.
    """
    ratio = period_ratio(every)
    whole = step // ratio.numerator
    if ratio.denominator == 1:
        return real(whole, xp)
    rest = step - whole * ratio.numerator
    part = rest * ratio.denominator // ratio.numerator
    return real(whole, xp) * ratio.denominator + real(part, xp)


def _linear(share: Any, xp: Any) -> Any:
    return share


def _cosine(share: Any, xp: Any) -> Any:
    # (1 - cos(pi share)) / 2 without its cancellation near zero.
    return xp.square(xp.sin(share * (math.pi / 2)))


def _one_minus_sqrt(share: Any, xp: Any) -> Any:
    # 1 - sqrt(1 - share) without its cancellation near zero, and without the root of a rounding.
    return share / (1.0 + xp.sqrt(at_least(1.0 - share, 0.0, xp)))


def _one_minus_square(share: Any, xp: Any) -> Any:
    return share * (2.0 - share)


def _exponential(share: Any, xp: Any) -> Any:
    return xp.expm1(share * math.log(2.0))


def _log(share: Any, length: int, xp: Any) -> Any:
    rise = xp.log1p(share * length) / math.log1p(length)
    return xp.where(share < 1.0, rise, xp.ones_like(rise))  # a library's logarithm may be its own


COOLDOWNS: Mapping[str, Callable[[Any, Any], Any]] = {
    "linear": _linear,
    "cosine": _cosine,
    "1-sqrt": _one_minus_sqrt,
    "1-square": _one_minus_square,
    "exponential": _exponential,
}
"""Falls, as functions of the share that is left: (share, xp) -> from 0 at 0 to 1 at 1.

Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations" (2024),
for `1-sqrt` and `1-square`; `exponential` is Megatron-LM's.
"""

WARMUPS: Mapping[str, Callable[[Any, int, Any], Any]] = {
    "linear": lambda share, length, xp: _linear(share, xp),
    "cosine": lambda share, length, xp: _cosine(share, xp),
    "1-sqrt": lambda share, length, xp: _one_minus_sqrt(share, xp),
    "log": _log,
}
"""Rises, as functions of the share that is done: (share, length, xp) -> from 0 at 0 to 1 at 1."""


def check_ramp(shape: str, owner: str, known: tuple[str, ...]) -> None:
    """Refuse a `shape` that `owner` doesn't offer."""
    if shape not in known:
        raise InvalidInput(f"{owner} has no shape {shape!r}. {nearest(str(shape), known)}")
