"""The same schedule over a longer or shorter horizon."""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import positive
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import MOST_STEPS
from keras_lr.schedules.period import LEAST
from keras_lr.schedules.schedule import Schedule


def stretch(schedule: Any, factor: float) -> Schedule:
    """The same schedule over a horizon `factor` times as long.

    Lengths in steps, epochs and samples are multiplied (steps and samples are rounded to whole
    ones); shares of the run and lengths that fill it adapt by themselves. It is what Composer
    calls the scale schedule ratio.

    Args:
        schedule: Anything but a plain callable or one of Keras's schedules.
        factor: Above 0.

    Raises:
        InvalidInput: The factor isn't positive, a length becomes longer than can be counted, or
            the schedule can't be stretched.

    >>> from keras_lr.schedules import Piecewise
    >>> str(stretch(Piecewise([100, 200], [1.0, 0.5, 0.1]), 5))
    'piecewise([500, 1000], values=[1.0, 0.5, 0.1])'
    """
    return as_schedule(schedule).stretched(positive(factor, "stretch", "factor"))


def stretched_fields(schedule: Schedule, factor: float) -> dict[str, Any]:
    """The fields of `schedule` that change: its lengths, and the schedules inside it."""
    changed: dict[str, Any] = {}
    for name, value in vars(schedule).items():
        if name in schedule.lengths:
            members = value if isinstance(value, tuple) else (value,)
            scaled = [stretched_length(member, factor, name) for member in members]
            changed[name] = _apart(scaled) if isinstance(value, tuple) else scaled[0]
        elif isinstance(value, Schedule):
            changed[name] = value.stretched(factor)
        elif isinstance(value, tuple) and value and isinstance(value[0], Schedule):
            changed[name] = tuple(member.stretched(factor) for member in value)
    return changed


def _apart(boundaries: list[Any]) -> tuple[Any, ...]:
    """`boundaries`, of which those in steps that became the same are moved apart by a step."""
    for index in range(1, len(boundaries)):
        before, later = boundaries[index - 1 : index + 1]
        if isinstance(before, int) and isinstance(later, int) and later <= before:
            boundaries[index] = before + 1
    return tuple(boundaries)


def stretched_length(length: Any, factor: float, name: str = "length") -> Any:
    """A length times `factor`, in its own unit; shares and `None` as they are.

    >>> stretched_length(100, 0.5), stretched_length("3 epochs", 2), stretched_length("5%", 2)
    (50, '6 epochs', '5%')
    """
    if length is None or (isinstance(length, str) and length.endswith("%")):
        return length
    number, _, unit = str(length).partition(" ")
    scaled = float(number) * factor
    if scaled > MOST_STEPS:
        raise InvalidInput(
            f"Stretched by {factor:g}, {name}={length} is more than {MOST_STEPS}. Stretch by less. "
            f"Received: factor={factor!r}."
        )
    if isinstance(length, float):
        return max(scaled, LEAST)
    if isinstance(length, int):
        return max(round(scaled), min(length, 1))
    if unit.startswith("sample"):  # as whole as steps
        return f"{max(round(scaled), 1)} samples"
    return f"{scaled:.12g} {unit}"
