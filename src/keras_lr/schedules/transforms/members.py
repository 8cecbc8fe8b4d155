"""The several schedules that a join or a product is made of."""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.schedule import Schedule


def members(schedules: Any, owner: str) -> tuple[Schedule, ...]:
    """`schedules` as schedules, two or more."""
    if not isinstance(schedules, list | tuple) or len(schedules) < 2:
        raise InvalidInput(f"{owner} needs two schedules or more. Received: {schedules!r}.")
    return tuple(as_schedule(schedule) for schedule in schedules)
