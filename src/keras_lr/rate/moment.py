"""The settable parts of the rate, as they were from one point of a run on, and who changed them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Moment:
    """The settable parts from one point of the run on.

    Args:
        batch: Batches of the run before it.
        bases: Each leaf's base.
        factors: Each owner's factor of each leaf.
    """

    batch: int
    bases: tuple[float, ...]
    factors: dict[object, tuple[float, ...]]


@dataclass(frozen=True)
class Assignment:
    """A rate that somebody outside assigned to an optimizer.

    Args:
        batch: Batches of the run before it, at least: after them the rate was still another.
        leaf: Which leaf of the optimizer.
        rate: The settable part that was found.
    """

    batch: int
    leaf: int
    rate: float
