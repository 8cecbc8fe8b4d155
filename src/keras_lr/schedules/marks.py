"""The moments of a schedule that a picture names: a warmup's end, a boundary, a restart."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_MARKS = 200
"""So many of one kind, such as the starts of cycles, are named at most."""


@dataclass(frozen=True)
class Mark:
    """A moment at which a schedule turns.

    Args:
        step: The first step of what the label says.
        label: A few words, such as "warmup ends".
    """

    step: int
    label: str


def shifted(marks: Iterable[Mark], by: int, until: int | None = None) -> list[Mark]:
    """`marks` moved by `by` steps, without those below step 0 and those after `until`."""
    moved = (Mark(mark.step + by, mark.label) for mark in marks)
    return [m for m in moved if m.step >= 0 and (until is None or m.step <= until)]
