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
        before: The settable part until then; `None` where nobody knows (of an earlier backup).
        by: The class of the callback that assigned it; empty where it was none of the fit's.
        reduces: Whether that is Keras's `ReduceLROnPlateau`, or made of it.
        why: What such a one waits for, in words.
    """

    batch: int
    leaf: int
    rate: float
    before: float | None = None
    by: str = ""
    reduces: bool = False
    why: str = ""

    @property
    def factor(self) -> float:
        """What it multiplied the rate by; 1 where that can't be said.

        >>> Assignment(20, 0, rate=0.05, before=0.1).factor
        0.5
        """
        return self.rate / self.before if self.before else 1.0

    @property
    def reason(self) -> str:
        """Who it was, in words, and why where that is known.

        >>> Assignment(20, 0, 0.05, 0.1, "ReduceLROnPlateau").reason
        'ReduceLROnPlateau assigned it'
        """
        why = f": {self.why}" if self.why else ""
        return f"{self.by or 'a callback, or somebody else,'} assigned it{why}"
