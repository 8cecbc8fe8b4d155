"""The arithmetic that shapes share, written once over a namespace `xp`: numpy or `keras.ops`.

Steps stay integers until a difference or a quotient of them is needed, because float32 can't tell
2**24 from 2**24 + 1. Values are computed upwards from the lower end, from the share that is left
or done, so that both ends are exact, nothing rises by rounding, and nothing leaves its range.
"""

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.checks import shown


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
    if xp is np and like.ndim == 0:
        return like.dtype.type(1) * value  # a step alone, where making an array is most of the time
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


def power(base: float, count: Any, xp: Any) -> Any:
    """`base` (above 0) to the power of the floats `count`.

    As a float32 the base is off by a rounding, which a high power multiplies (0.9999^100000 by
    0.3 %): what is missing is put back.
    """
    value = xp.power(fill(base, count, xp), count)
    rounded = float(np.float32(base))
    if xp is np or rounded in (0.0, base):
        return value
    return value * xp.exp(count * (math.log(base) - math.log(rounded)))


@lru_cache(maxsize=1024)
def period_ratio(every: float) -> Fraction:
    """`every` as a fraction whose terms are small enough to count with in 32 bits."""
    return Fraction(every).limit_denominator(max(1, min(4096, math.isqrt(int(2**31 / every)))))


def periods(step: Any, every: float, xp: Any) -> Any:
    """Whole periods of `every` steps finished at `step`, as a float.

    An epoch may hold 2.5 updates under gradient accumulation; the count stays exact, because it is
    done in integers, none of which leaves the 32 bits that a backend counts in.
    """
    many, whole, part, _ = _counted(step, every)
    return real(whole, xp) * many + real(part, xp)


def period_and_rest(step: Any, every: float, xp: Any) -> tuple[Any, Any]:
    """Whole periods finished at `step`, in its type, and the steps since then, as a float.

    The count must fit 32 bits, which holds for periods of a step or more.
    """
    many, whole, part, rest = _counted(step, every)
    return whole * many + part, real(rest, xp) / many


def periods_modulo(step: Any, every: float, modulus: int) -> Any:
    """Whole periods of `every` steps finished at `step`, modulo `modulus`, in the type of `step`.

    Exact where the count itself would leave the integers of float32; `modulus` is below 500,000.
    """
    many, whole, part, _ = _counted(step, every)
    return (whole % modulus * many + part) % modulus


def _counted(step: Any, every: float) -> tuple[int, Any, Any, Any]:
    """The periods finished at `step` as many·whole + part, and what is left, in 1/many steps."""
    ratio = period_ratio(every)
    whole = step // ratio.numerator
    rest = (step - whole * ratio.numerator) * ratio.denominator
    part = rest // ratio.numerator
    return ratio.denominator, whole, part, rest - part * ratio.numerator


def half_cosine(share: Any, xp: Any) -> Any:
    """(1 − cos(π·share))/2, from 0 at 0 to 1 at 1, without its cancellation near 0."""
    return xp.square(xp.sin(share * (math.pi / 2)))


def _linear(share: Any, rest: Any, xp: Any) -> Any:
    return share


def _cosine(share: Any, rest: Any, xp: Any) -> Any:
    return half_cosine(share, xp)


def _one_minus_sqrt(share: Any, rest: Any, xp: Any) -> Any:
    return share / (1.0 + xp.sqrt(rest))  # 1 - sqrt(rest) without its cancellation near zero


def _one_minus_square(share: Any, rest: Any, xp: Any) -> Any:
    return share * (1.0 + rest)


def _exponential(share: Any, rest: Any, xp: Any) -> Any:
    return xp.expm1(share * math.log(2.0))


def _log(share: Any, length: int, xp: Any) -> Any:
    rise = xp.log1p(share * length) / math.log1p(length)
    return xp.where(share < 1.0, rise, xp.ones_like(rise))  # a library's logarithm may be its own


COOLDOWNS: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "linear": _linear,
    "cosine": _cosine,
    "1-sqrt": _one_minus_sqrt,
    "1-square": _one_minus_square,
    "exponential": _exponential,
}
"""Falls, as functions of the share that is left, and the share that is done (1 less that, but
exactly, which a float32 near 1 isn't): (share, rest, xp) -> from 0 at 0 to 1 at 1.

Hägele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations" (2024),
for `1-sqrt` and `1-square`; `exponential` is Megatron-LM's.
"""

WARMUPS: Mapping[str, Callable[[Any, Any, int, Any], Any]] = {
    "linear": lambda share, rest, length, xp: share,
    "cosine": lambda share, rest, length, xp: half_cosine(share, xp),
    "1-sqrt": lambda share, rest, length, xp: _one_minus_sqrt(share, rest, xp),
    "log": lambda share, rest, length, xp: _log(share, length, xp),
}
"""Rises, as functions of the share that is done, and the share that is left:
(share, rest, length, xp) -> from 0 at 0 to 1 at 1."""


def check_ramp(shape: str, owner: str, known: tuple[str, ...]) -> None:
    """Refuse a `shape` that `owner` doesn't offer."""
    if not isinstance(shape, str) or shape not in known:
        raise InvalidInput(f"{owner} has no shape {shown(shape)}. {nearest(str(shape), known)}")
