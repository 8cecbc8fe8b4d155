"""Where the best trial lies at the end of what was searched: a better one may lie beyond.

After Google's tuning playbook, "Identifying bad search space boundaries".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keras_lr.tuner.ranges import Integers, LogUniform, Uniform
from keras_lr.tuner.space import range_of

EDGE = 0.05
"""A value within this share of a range from one of its ends lies at that edge."""


@dataclass(frozen=True)
class Edge:
    """A value at the edge of its range.

    Args:
        name: Its name in the space.
        value: The value.
        side: Which edge.
        searched: The range.
        wider: The range to search next.
    """

    name: str
    value: float
    side: Literal["lower", "upper"]
    searched: tuple[float, float]
    wider: tuple[float, float]

    def __str__(self) -> str:
        """A sentence that says so, and what to do."""
        name = {"learning_rate": "rate"}.get(self.name, self.name)
        low, high = (f"{end:.3g}" for end in self.searched)
        return (
            f"The best {name} lies at the {self.side} edge of the range: {self.value:.3g} of {low} "
            f"to {high}. A better one may lie beyond; search {self.wider[0]:.3g} to "
            f"{self.wider[1]:.3g}."
        )


def edges(space: Mapping[str, Any], params: Mapping[str, Any]) -> list[Edge]:
    """The values of a trial that lie at the edge of what was searched.

    Args:
        space: As `keras_lr.tune` was given it. Choices are ranges for the rate only: that the
            best of three schedules is the last says nothing.
        params: The trial's.

    >>> space = {"learning_rate": LogUniform(1e-3, 1.0), "weight_decay": LogUniform(1e-5, 1e-2)}
    >>> [edge.name for edge in edges(space, {"learning_rate": 0.9, "weight_decay": 1e-3})]
    ['learning_rate']
    """
    found = []
    for name, given in space.items():
        searched = _range(name, given)
        value = params.get(name)
        if searched is None or not isinstance(value, int | float):
            continue
        place = searched.place(value)
        if EDGE < place < 1 - EDGE:
            continue
        side = "lower" if place <= EDGE else "upper"
        if side == "lower" and searched.lo == 0:
            continue  # there is nothing below
        found.append(Edge(name, value, side, (searched.lo, searched.hi), _wider(searched, side)))
    return found


def _range(name: str, given: Any) -> Uniform | None:
    given = range_of(given)
    if isinstance(given, Uniform):
        return given
    if name != "learning_rate" or not isinstance(given, list | tuple) or len(given) < 2:
        return None
    low, high = min(given), max(given)
    return LogUniform(low, high) if 0 < low < high else None


def _wider(searched: Uniform, side: str) -> tuple[float, float]:
    low, high = searched.lo, searched.hi
    if searched.log:
        beyond = low / 10, high * 10
        if isinstance(searched, Integers):
            beyond = max(1, round(beyond[0])), beyond[1]
    else:
        width = high - low
        beyond = low - width if low < 0 else max(0, low - width), high + width
    return (beyond[0], high) if side == "lower" else (low, beyond[1])
