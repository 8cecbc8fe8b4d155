"""The several schedules that a join or a product is made of."""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import shown
from keras_lr.schedules.depth import check_depth
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.schedule import Schedule


def members(schedules: Any, owner: str) -> tuple[Schedule, ...]:
    """`schedules` as schedules, two or more.

    Raises:
        InvalidInput: They are fewer, no list, or nested too deep.
    """
    if not isinstance(schedules, list | tuple) or len(schedules) < 2:
        raise InvalidInput(f"{owner} needs two schedules or more. Received: {shown(schedules)}.")
    found = tuple(as_schedule(schedule) for schedule in schedules)
    for schedule in found:
        check_depth(schedule, 1)
    return found
