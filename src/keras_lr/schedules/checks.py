"""Checks of the numbers that a schedule is made of, at construction."""

import math
from numbers import Real
from typing import Any

from keras_lr.errors import InvalidInput


def number(
    value: Any, owner: str, name: str, *, least: float = 0.0, most: float = math.inf
) -> float:
    """`value` as a Python float (a NumPy scalar would widen float32 tensors).

    Raises:
        InvalidInput: Not a number, not finite, below `least` or above `most`.
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        plain = float(value)
        if math.isfinite(plain) and least <= plain <= most:
            return plain
    limits = f"from {least:g} to {most:g}" if math.isfinite(most) else f"at least {least:g}"
    raise InvalidInput(
        f"{owner} needs a finite {name}, {limits}. Received: {name}={value!r}.{_advice(value)}"
    )


def positive(value: Any, owner: str, name: str, *, most: float = math.inf) -> float:
    """`value` as a Python float above 0."""
    plain = number(value, owner, name, most=most)
    if plain == 0:
        raise InvalidInput(f"{owner} needs a {name} above 0. Received: {name}={value!r}.")
    return plain


def falling(start: float, end: float, owner: str) -> None:
    """Refuse a decay that would rise."""
    if end > start:
        raise InvalidInput(
            f"{owner} falls from start to end, but end is above start. For a rise write "
            f"Linear(start={start:g}, end={end:g}), or .warmup(...) before a schedule. "
            f"Received: start={start!r}, end={end!r}."
        )


def _advice(value: Any) -> str:
    if isinstance(value, str) and any(unit in value for unit in ("%", "epoch", "step", "sample")):
        return f" For a length write length={value!r}."
    return ""
