"""How lanes are executed: what one call of a compiled function does."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """One way to train many lanes; all of them compute the same.

    Args:
        width: Lanes in one call (vectorised where more than one).
        loop: Whether a call loops over the steps of a chunk.
        threads: Host threads that make calls side by side.
        steps: Steps in a call without a loop, written out one after another.

    >>> print(Plan(16, loop=True, threads=2))
    vmap ×16, a loop of steps a call, 2 threads
    """

    width: int
    loop: bool
    threads: int = 1
    steps: int = 1

    def __str__(self) -> str:
        lanes = "1 lane" if self.width == 1 else f"vmap ×{self.width}"
        steps = f"{self.steps} step{'s' if self.steps > 1 else ''} a call"
        threads = "" if self.threads == 1 else f", {self.threads} threads"
        return f"{lanes}, {'a loop of steps a call' if self.loop else steps}{threads}"
