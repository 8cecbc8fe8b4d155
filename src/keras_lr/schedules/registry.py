"""The schedules by name: the text form, configs, the command line and the contract suite use it."""

import re
from typing import TypeVar

from keras_lr.errors import InvalidInput
from keras_lr.schedules.schedule import Schedule

SCHEDULES: dict[str, type[Schedule]] = {}
"""Registered schedules by name."""

_S = TypeVar("_S", bound=Schedule)


def register(schedule: type[_S]) -> type[_S]:
    """Make a schedule known by its name, the snake case of its class.

    It can then be written as text, stored and searched over, and the contract suite runs its
    `example`.

    Raises:
        InvalidInput: Another class has that name already.
    """
    name = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", schedule.__name__
    ).lower()
    known = SCHEDULES.get(name)
    if known is not None and _origin(known) != _origin(schedule):  # a notebook defines it again
        raise InvalidInput(
            f"A schedule named {name!r} exists already: {known!r}. Rename the class."
        )
    schedule.name = name
    SCHEDULES[name] = schedule
    return schedule


def _origin(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__
