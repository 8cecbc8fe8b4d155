"""How lanes are executed: what one call of a compiled function does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """One way to train many lanes; all of them compute the same.

    Args:
        width: Lanes in one call (vectorised where more than one).
        loop: Whether a call loops over the steps of a chunk, or does a single step.
        threads: Host threads that make calls side by side.
    """

    width: int
    loop: bool
    threads: int = 1

    def __str__(self) -> str:
        lanes = "1 lane" if self.width == 1 else f"{self.width} lanes"
        steps = "a loop of steps" if self.loop else "1 step"
        threads = "" if self.threads == 1 else f", {self.threads} threads"
        return f"{lanes} × {steps} a call{threads}"
