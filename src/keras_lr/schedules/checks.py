"""Checks of the numbers that a schedule is made of, at construction."""

import math
import operator
from numbers import Real
from typing import Any

from keras_lr.errors import InvalidInput

SMALLEST, LARGEST = 1e-30, 1e30
"""Values and factors other than 0 lie between these: float32, in which a compiled step computes, holds it
and what a few of them multiply to."""

_SHOWN = 200


def number(
    value: Any, owner: str, name: str, *, least: float = 0.0, most: float = math.inf
) -> float:
    """`value` as a Python float (a NumPy scalar would widen float32 tensors).

    Raises:
        InvalidInput: Not a number, not finite, below `least` or above `most`, or so large or
            small that float32 can't hold it.
    """
    plain = plain_number(value)
    if plain is None or not (math.isfinite(plain) and least <= plain <= most):
        limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f"at least {least:g}"
        raise InvalidInput(
            f"{owner} needs a finite {name}, {limits}. Received: {name}={shown(value)}."
            f"{_advice(value, owner)}"
        )
    if plain > LARGEST or (least >= 0 and 0 < plain < SMALLEST):
        raise InvalidInput(
            f"{owner} can't use this {name}: the compiled step computes in float32, which can't "
            f"hold what it makes. Write one from {SMALLEST:g} to {LARGEST:g}. "
            f"Received: {name}={shown(value)}."
        )
    return plain


def positive(value: Any, owner: str, name: str, *, most: float = math.inf) -> float:
    """`value` as a Python float above 0."""
    plain = number(value, owner, name, most=most)
    if plain == 0:
        raise InvalidInput(f"{owner} needs a {name} above 0. Received: {name}={value!r}.")
    return plain


def plain_number(value: Any) -> float | None:
    """A real number as a Python float, infinite where it is too large for one; else `None`.

    >>> plain_number(3), plain_number(10**400), plain_number("3"), plain_number(True)
    (3.0, inf, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # pyright: ignore[reportOperatorIssue]


def whole_number(value: Any) -> int | None:
    """A whole number as a Python `int`: NumPy's and a tensor's too; `None` for anything else.

    >>> import numpy as np
    >>> whole_number(np.int64(3)), whole_number(np.array(3)), whole_number(3.0), whole_number(True)
    (3, 3, None, None)
    """
    if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        return None
    try:
        return operator.index(value)
    except TypeError:  # arrays of several numbers or of fractions have the method too
        return None


def shown(value: Any) -> str:
    """`value` for a message: as Python writes it, and not all of what is long.

    >>> shown("5%"), len(shown("1" * 10000))
    ("'5%'", 204)
    """
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return f"an integer of {value.bit_length()} bits"
    except RecursionError:
        return f"a {type(value).__name__} nested too deep to be shown"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def falling(start: float, end: float, owner: str) -> None:
    """Refuse a decay that would rise."""
    if end > start:
        raise InvalidInput(
            f"{owner} falls from start to end, but end is above start. For a rise write "
            f"Linear(start={start!r}, end={end!r}), or .warmup(...) before a schedule. "
            f"Received: start={start!r}, end={end!r}."
        )


def _advice(value: Any, owner: str) -> str:
    """What to write for a length that was given as something else."""
    if not (isinstance(value, str) and any(u in value for u in ("%", "epoch", "step", "sample"))):
        return ""
    from keras_lr.schedules.registry import SCHEDULES  # it builds on this module

    names = next((cls.lengths for cls in SCHEDULES.values() if cls.__name__ == owner), ())
    return f" For a length write {names[0]}={shown(value)}." if names else ""
