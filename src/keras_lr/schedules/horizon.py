"""Units: a length is written in steps, epochs or as a share of the run, and resolved against it.

A step is one update of the weights. A length is one of

* an `int`: that many steps (updates, not batches, under gradient accumulation);
* `"3 epochs"`, `"0.5 epoch"`: epochs of the run;
* `"5%"`: a share of the whole run;
* `"100 steps"`: the same as `100`, for the text form.
"""

import math
import re
from dataclasses import dataclass

from keras_lr.errors import InvalidInput

Length = int | str

MOST_STEPS = 2**31 - 1
"""The longest length: a backend's step counter is a 32-bit integer."""

_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(%|epochs?|steps?)\s*")


@dataclass(frozen=True)
class Horizon:
    """What the lengths of a schedule are resolved against.

    Args:
        steps: Updates in the whole run.
        steps_per_epoch: Updates in one epoch (may be fractional under gradient accumulation);
            `None` when the run has no epochs, and then lengths in epochs are refused.
    """

    steps: int
    steps_per_epoch: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.steps, int) or isinstance(self.steps, bool) or self.steps < 1:
            raise InvalidInput(
                f"A horizon needs a positive whole number of steps. Received: steps={self.steps!r}."
                " Write e.g. Horizon(steps=1000, steps_per_epoch=100)."
            )


def tidy_length(
    length: Length | None, name: str = "length", *, least: int = 0, optional: bool = False
) -> Length | None:
    """`length` checked, and written in its one canonical way, so that equal lengths compare equal.

    Steps become an `int`, at least `least`; a share or epochs stay text.

    >>> tidy_length("100 steps"), tidy_length(" 5 %"), tidy_length("1 epochs")
    (100, '5%', '1 epoch')
    """
    if length is None and optional:
        return None
    if hasattr(length, "__index__") and not isinstance(length, bool):
        length = int(length)  # type: ignore[arg-type]  # NumPy's integers
    value, unit = _parse(length, name)  # type: ignore[arg-type]
    if unit == "step":
        if not least <= value <= MOST_STEPS:
            raise InvalidInput(
                f"{name} must be from {least} to {MOST_STEPS} steps. Received: {name}={length!r}."
            )
        return int(value)
    if value == 0 and least > 0:
        raise InvalidInput(f"{name} can't be zero. Received: {name}={length!r}.")
    digits = _LENGTH.fullmatch(str(length))[1]  # type: ignore[index]
    if unit == "%":
        return f"{digits}%"
    return f"{digits} epoch" if value == 1 else f"{digits} epochs"


def resolve_length(length: Length, horizon: Horizon, name: str = "length") -> int:
    """`length` in steps of `horizon`, rounded to the nearest whole step.

    A share below 100% always leaves a step to the rest, however short the run.

    >>> resolve_length("5%", Horizon(steps=1000))
    50
    >>> resolve_length("3 epochs", Horizon(steps=1000, steps_per_epoch=100))
    300
    """
    value, unit = _parse(length, name)
    if unit == "%":
        return min(round(value / 100 * horizon.steps), horizon.steps - (value < 100))
    if unit == "epoch":
        if horizon.steps_per_epoch is None:
            raise InvalidInput(
                f"{name}={length!r} is in epochs, but the steps of an epoch aren't known here. "
                "Write .resolve(steps=..., steps_per_epoch=...), or give the length in steps."
            )
        return round(value * horizon.steps_per_epoch)
    return int(value)


def _parse(length: Length, name: str) -> tuple[float, str]:
    if isinstance(length, bool) or not isinstance(length, int | str):
        raise InvalidInput(
            f"{name} must be a whole number of steps or a text such as '5%', '3 epochs' or "
            f"'100 steps'. Received: {name}={length!r}."
        )
    if isinstance(length, int):
        value, unit = float(length), "step"
    else:
        match = _LENGTH.fullmatch(length)
        if match is None:
            raise InvalidInput(
                f"{name} must be a whole number of steps or a text such as '5%', '3 epochs' or "
                f"'100 steps'. Received: {name}={length!r}."
            )
        value, unit = float(match[1]), match[2].rstrip("s")
    if not math.isfinite(value) or value < 0:
        raise InvalidInput(f"{name} can't be negative. Received: {name}={length!r}.")
    if unit == "%" and value > 100:
        raise InvalidInput(f"{name} is a share of the run, at most 100%. Received: {length!r}.")
    if unit == "step" and value != int(value):
        raise InvalidInput(f"{name} must be a whole number of steps. Received: {length!r}.")
    return value, unit
