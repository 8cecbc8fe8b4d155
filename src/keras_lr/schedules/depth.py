"""How deep schedules are nested: no deeper than Python's stack carries, whatever is done to them."""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.schedule import Schedule

MOST_DEEP = 60
"""Schedules inside one another, at most; the text form and configs have the same limit."""


def check_depth(schedule: Schedule, depth: int = 0) -> None:
    """Refuse a composition that is nested too deep, as part of one that is `depth` deep itself.

    Raises:
        InvalidInput: It is deeper than `MOST_DEEP`.
    """
    layer = [schedule]
    while layer:
        depth += 1
        if depth > MOST_DEEP:
            raise InvalidInput(
                f"Schedules are nested at most {MOST_DEEP} deep, and each transform is one level. "
                "Leave out what changes nothing, or write one schedule of your own that computes "
                "it all. Received: one level more."
            )
        layer = [part for member in layer for part in member.parts]
