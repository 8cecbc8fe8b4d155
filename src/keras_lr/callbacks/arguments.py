"""Checks of what `LearningRate` is given, at construction."""

import math
from numbers import Real
from typing import Any

from keras_lr.callbacks.fit.preflight import check_keras_schedule
from keras_lr.errors import InvalidInput
from keras_lr.rules import Rule, auto
from keras_lr.rules import checked as checks_of_rules
from keras_lr.schedules import Schedule, as_schedule
from keras_lr.schedules.checks import plain_number, shown
from keras_lr.schedules.foreign import Keras

AUTO = "auto"
"""The rules that `rules.auto()` gives."""


def checked_rules(rules: Any) -> tuple[Rule, ...]:
    """`rules` as a tuple, "auto" as what it stands for; refuse what is no rule."""
    if isinstance(rules, str) and rules == AUTO:
        return auto()
    return checks_of_rules.checked_rules(
        rules, 'rules=[keras_lr.rules.Plateau("val_loss")], or rules="auto"'
    )


def checked_schedule(schedule: Any) -> Schedule:
    """`schedule` as one; refuse a bare number, which is meant as a rate and would be a factor."""
    if isinstance(schedule, Real) and not isinstance(schedule, bool):
        number = f"{schedule}"
        raise InvalidInput(
            f"schedule={number} would be a factor of the optimizer's rate. For the rate itself "
            f"compile with SGD({number}), or write Constant().rate({number}); for the factor "
            f"Constant({number}). Received: schedule={schedule!r}."
        )
    found = as_schedule(schedule)
    if isinstance(found, Keras):
        check_keras_schedule(found.schedule)
    return found


def checked_flag(value: Any, name: str) -> bool:
    """`value`, if it is `True` or `False`; any text would count as yes."""
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"{name} is True or False. Received: {name}={value!r}. Write {name}=True.")


def checked_size(value: Any) -> float | None:
    """`value` as a float; refuse what is no number of samples."""
    if value is None:
        return None
    size = plain_number(value)
    if size is not None and 0 < size < math.inf:
        return size
    raise InvalidInput(
        "batch_size is the number of samples in a batch. "
        f"Received: batch_size={shown(value)}. Write e.g. batch_size=32."
    )
