"""Who was copied from whom, and the path of rates that led to a member's weights.

A member's weights at the end were trained by its ancestors before they were its own. The rates of
that lineage, from the first epoch to the last, are the member's path: one training at these rates
gives the same weights, without any copying.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_lr.schedules import Constant, Piecewise, Schedule


@dataclass(frozen=True)
class Copy:
    """One member went on as a copy of another.

    Args:
        epoch: Epochs that were done by then.
        member: Number of the trial that was replaced.
        source: Number of the trial whose weights, optimizer state and seeds it got.
        factor: The rate from here on, as a factor of the base (the rate with which the source's
            own first ancestor began).
        settings: Other perturbed settings from here on.
    """

    epoch: int
    member: int
    source: int
    factor: float
    settings: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> list[Any]:
        """As JSON, without the member, at whose trial it is stored."""
        return [self.epoch, self.source, self.factor, dict(self.settings)]

    @classmethod
    def from_json(cls, member: int, stored: list[Any]) -> "Copy":
        """What `to_json` gave."""
        epoch, source, factor, settings = stored
        return cls(epoch, member, source, factor, settings)


@dataclass(frozen=True)
class Leg:
    """A part of a path: epochs that one member trained.

    Args:
        member: Its trial's number.
        start: The first of the epochs, from 0.
        factor: The rate, as a factor of the base.
        settings: The values of other perturbed settings; of the first leg those that the trial was
            drawn with, and none here.
    """

    member: int
    start: int
    factor: float = 1.0
    settings: Mapping[str, float] = field(default_factory=dict)


def lineage(member: int, copies: Iterable[Copy]) -> tuple[Leg, ...]:
    """The legs of a member's path, in order; the first is its first ancestor's.

    Args:
        member: The number of its trial.
        copies: All that happened in the population.

    >>> first = Copy(2, member=0, source=1, factor=0.8)
    >>> lineage(0, [first])
    (Leg(member=1, start=0, factor=1.0, settings={}), Leg(member=0, start=2, factor=0.8, settings={}))
    """
    mine: dict[int, list[Copy]] = {}
    for copy in copies:
        mine.setdefault(copy.member, []).append(copy)
    legs: list[Leg] = []
    end: float = float("inf")
    while found := [copy for copy in mine.get(member, []) if copy.epoch < end]:
        last = max(found, key=lambda copy: copy.epoch)
        legs.append(Leg(member, last.epoch, last.factor, last.settings))
        member, end = last.source, last.epoch
    return (Leg(member, 0), *reversed(legs))


def piecewise(starts: Iterable[int], values: Iterable[float]) -> Schedule:
    """A schedule of values from given epochs on, equal neighbours in one.

    Args:
        starts: Epochs, increasing, the first 0.
        values: One for each.

    >>> str(piecewise([0, 2, 3], [1.0, 0.8, 0.8]))
    'piecewise([2 epochs], values=[1.0, 0.8])'
    """
    boundaries: list[int | str] = []
    found: list[float] = []
    for start, value in zip(starts, values, strict=True):
        if found and value == found[-1]:
            continue
        if found:
            boundaries.append(f"{start} epochs")
        found.append(value)
    return Piecewise(tuple(boundaries), tuple(found)) if boundaries else Constant(found[0])
