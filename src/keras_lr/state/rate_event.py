"""One change of the rate, as data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RateEvent:
    """One change of the rate that a schedule didn't make.

    Args:
        step: Updates done in the run when it happened.
        epoch: The epoch in which it happened, or at whose end (the first is 0).
        cause: Who did it: a rule's name (with its metric, `plateau(mae)`, where several have the
            name), or `"set"` for a rate assigned from outside.
        factor: What it multiplied the rate by.
        rate: base × reduction after it.
        reason: The evidence, in words.
        fit: The fit in which it happened (the first with this callback and model is 0).
        member: Which member of a `MultiOptimizer` it happened to; empty where it was all of it.
    """

    step: int
    epoch: int
    cause: str
    factor: float
    rate: float
    reason: str
    fit: int = 0
    member: str = ""
