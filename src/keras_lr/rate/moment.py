"""The settable parts of the rate, as they were from one point of a run on."""

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
