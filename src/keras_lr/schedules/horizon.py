"""Units: a length is written in steps, epochs, samples or as a share of the run it is laid over.

A step is one update of the weights. A length is one of

* an `int`: that many steps (updates, not batches, under gradient accumulation);
* `"3 epochs"`, `"0.5 epoch"`: epochs of the run;
* `"1000 samples"`: as many steps as see that many samples;
* `"5%"`: a share of the whole run;
* `"100 steps"`: the same as `100`, for the text form.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput, UnknownUnit
from keras_lr.schedules.checks import plain_number, shown, whole_number

Length = int | str

MOST_STEPS = 2**31 - 1
"""The longest length: a backend's step counter is a 32-bit integer."""

MOST_SAMPLES = 10**15
"""More samples than any run sees, and few enough to be counted exactly."""

_LENGTH = re.compile(
    r"\s*((?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(%|epochs?|steps?|samples?)\s*"
)
_LONGEST = 40  # characters of such a text
_EXPECTED = (
    "a whole number of steps or a text such as '5%', '3 epochs', '100 steps' or '1000 samples'"
)


@dataclass(frozen=True)
class Horizon:
    """What the lengths of a schedule are resolved against.

    Args:
        steps: Updates in the whole run.
        steps_per_epoch: Updates in one epoch (may be fractional under gradient accumulation);
            `None` when the run has no epochs, and then lengths in epochs are refused.
        batch_size: Samples in one update: under gradient accumulation those of all its batches,
            and where an epoch's last batch is smaller, the mean over the epoch (so it may be
            fractional). `None` where it isn't known, and then lengths in samples are refused.

    Raises:
        InvalidInput: A part isn't positive.
    """

    steps: int
    steps_per_epoch: float | None = None
    batch_size: float | None = None

    def __post_init__(self) -> None:
        steps = whole_number(self.steps)
        if steps is None or steps < 1:
            raise InvalidInput(
                "A horizon needs a positive whole number of steps. Received: "
                f"steps={shown(self.steps)}. Write e.g. Horizon(steps=1000, steps_per_epoch=100)."
            )
        if steps > MOST_STEPS:
            raise InvalidInput(
                f"A run has at most {MOST_STEPS} steps: a backend counts them in 32 bits. "
                f"Received: steps={shown(self.steps)}."
            )
        object.__setattr__(self, "steps", steps)
        for name in ("steps_per_epoch", "batch_size"):
            value = getattr(self, name)
            if value is not None and not 0 < (plain_number(value) or 0.0) < math.inf:
                raise InvalidInput(
                    f"A horizon needs a positive {name}, or None. Received: {name}={shown(value)}."
                )


def tidy_length(
    length: Length | None, name: str = "length", *, least: int = 0, optional: bool = False
) -> Length | None:
    """`length` checked, and written in its one canonical way, so that equal lengths compare equal.

    Steps become an `int`, at least `least`; a share, epochs or samples stay text.

    >>> tidy_length("100 steps"), tidy_length(" 5 %"), tidy_length("1 epochs")
    (100, '5%', '1 epoch')
    >>> tidy_length("1e6 samples"), tidy_length("05.0%"), tidy_length("2.50 epochs")
    ('1000000 samples', '5%', '2.5 epochs')
    """
    if length is None and optional:
        return None
    whole = whole_number(length)
    value, unit = _parse(length if whole is None else whole, name)
    if unit == "step":
        if not least <= value <= MOST_STEPS:
            raise InvalidInput(
                f"{name} must be from {least} to {MOST_STEPS} steps. "
                f"Received: {name}={shown(length)}."
            )
        return int(value)
    if value == 0 and least > 0:
        raise InvalidInput(f"{name} can't be zero. Received: {name}={length!r}.")
    most = MOST_SAMPLES if unit == "sample" else MOST_STEPS
    if value > most:
        raise InvalidInput(f"{name} is at most {most} {unit}s. Received: {name}={length!r}.")
    digits = str(int(value)) if value == int(value) else repr(value)
    if unit == "%":
        return f"{digits}%"
    return f"{digits} {unit}" if value == 1 else f"{digits} {unit}s"


def resolve_length(length: Length, horizon: Horizon, name: str = "length") -> int:
    """`length` in steps of `horizon`, rounded to the nearest whole step.

    A share below 100% always leaves a step to the rest, however short the run.

    >>> resolve_length("5%", Horizon(steps=1000))
    50
    >>> resolve_length("3 epochs", Horizon(steps=1000, steps_per_epoch=100))
    300
    >>> resolve_length("640 samples", Horizon(steps=1000, batch_size=32))
    20
    """
    value, unit = _parse(length, name)
    if unit == "%":
        return min(round(value / 100 * horizon.steps), horizon.steps - (value < 100))
    if unit == "step":
        return int(value)
    return round(exact_steps(length, horizon, name))


def exact_steps(length: Length, horizon: Horizon, name: str = "length") -> float:
    """Epochs or samples in steps of `horizon`, not rounded.

    >>> exact_steps("1 epoch", Horizon(10, 2.5)), exact_steps("80 samples", Horizon(10, None, 32))
    (2.5, 2.5)
    """
    value, unit = _parse(length, name)
    if unit == "epoch":
        if horizon.steps_per_epoch is None:
            raise UnknownUnit(
                f"{name}={length!r} is in epochs, but the steps of an epoch aren't known here. "
                "Write .resolve(steps=..., steps_per_epoch=...), or give the length in steps.",
                f"{name}={length!r}",
                unit,
            )
        steps = value * float(horizon.steps_per_epoch)
    else:
        if horizon.batch_size is None:
            raise UnknownUnit(
                f"{name}={length!r} is in samples, but how many one step sees isn't known here. "
                "Write .resolve(steps=..., batch_size=32), in fit LearningRate(..., "
                "batch_size=32), or give the length in steps.",
                f"{name}={length!r}",
                unit,
            )
        steps = value / float(horizon.batch_size)
    if steps > MOST_STEPS:
        raise InvalidInput(
            f"{name}={length!r} is {steps:.4g} steps here, more than {MOST_STEPS}. Shorten it."
        )
    return steps


def _parse(length: Any, name: str) -> tuple[float, str]:
    """The number and the unit, of which "steps" are whole."""
    if isinstance(length, int) and not isinstance(length, bool):
        value, unit = length, "step"
    else:
        text = length.strip() if isinstance(length, str) else ""
        match = _LENGTH.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise InvalidInput(f"{name} must be {_EXPECTED}. Received: {name}={shown(length)}.")
        value, unit = float(match[1]), match[2].rstrip("s")
    if value < 0:
        raise InvalidInput(f"{name} can't be negative. Received: {name}={shown(length)}.")
    if unit == "%" and value > 100:
        raise InvalidInput(f"{name} is a share of the run, at most 100%. Received: {length!r}.")
    if value == math.inf:
        raise InvalidInput(f"{name} is too long. Received: {name}={length!r}.")
    if unit in ("step", "sample") and value != int(value):
        raise InvalidInput(f"{name} must be a whole number of {unit}s. Received: {length!r}.")
    return value, unit
