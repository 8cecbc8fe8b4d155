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
from numbers import Real

from keras_lr.errors import InvalidInput

Length = int | str

MOST_STEPS = 2**31 - 1
"""The longest length: a backend's step counter is a 32-bit integer."""

_LENGTH = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(%|epochs?|steps?|samples?)\s*")
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
        if not isinstance(self.steps, int) or isinstance(self.steps, bool) or self.steps < 1:
            raise InvalidInput(
                f"A horizon needs a positive whole number of steps. Received: steps={self.steps!r}."
                " Write e.g. Horizon(steps=1000, steps_per_epoch=100)."
            )
        for name in ("steps_per_epoch", "batch_size"):
            value = getattr(self, name)
            if value is not None and not _is_positive(value):
                raise InvalidInput(
                    f"A horizon needs a positive {name}, or None. Received: {name}={value!r}."
                )


def tidy_length(
    length: Length | None, name: str = "length", *, least: int = 0, optional: bool = False
) -> Length | None:
    """`length` checked, and written in its one canonical way, so that equal lengths compare equal.

    Steps become an `int`, at least `least`; a share, epochs or samples stay text.

    >>> tidy_length("100 steps"), tidy_length(" 5 %"), tidy_length("1 epochs")
    (100, '5%', '1 epoch')
    >>> tidy_length("1e6 samples")
    '1000000 samples'
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
    if unit == "sample":
        return "1 sample" if value == 1 else f"{int(value)} samples"
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
            raise InvalidInput(
                f"{name}={length!r} is in epochs, but the steps of an epoch aren't known here. "
                "Write .resolve(steps=..., steps_per_epoch=...), or give the length in steps."
            )
        steps = value * float(horizon.steps_per_epoch)
    else:
        if horizon.batch_size is None:
            raise InvalidInput(
                f"{name}={length!r} is in samples, but how many one step sees isn't known here. "
                "Write .resolve(steps=..., batch_size=32), in fit LearningRate(..., "
                "batch_size=32), or give the length in steps."
            )
        steps = value / float(horizon.batch_size)
    if steps > MOST_STEPS:
        raise InvalidInput(
            f"{name}={length!r} is {steps:.4g} steps here, more than {MOST_STEPS}. Shorten it."
        )
    return steps


def _parse(length: Length, name: str) -> tuple[float, str]:
    if isinstance(length, bool) or not isinstance(length, int | str):
        raise InvalidInput(f"{name} must be {_EXPECTED}. Received: {name}={length!r}.")
    if isinstance(length, int):
        value, unit = float(length), "step"
    else:
        match = _LENGTH.fullmatch(length)
        if match is None:
            raise InvalidInput(f"{name} must be {_EXPECTED}. Received: {name}={length!r}.")
        value, unit = float(match[1]), match[2].rstrip("s")
    if not math.isfinite(value) or value < 0:
        raise InvalidInput(f"{name} can't be negative. Received: {name}={length!r}.")
    if unit == "%" and value > 100:
        raise InvalidInput(f"{name} is a share of the run, at most 100%. Received: {length!r}.")
    if unit in ("step", "sample") and value != int(value):
        raise InvalidInput(f"{name} must be a whole number of {unit}s. Received: {length!r}.")
    return value, unit


def _is_positive(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    return 0 < float(value) < math.inf
