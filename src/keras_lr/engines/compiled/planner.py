"""Choose how lanes are executed by measuring the candidates on the user's model.

Every step of a measurement is a step of the training, so looking costs compilation only; and a
candidate is compiled only if what it could save in the remaining steps is worth that.
"""

import os
from dataclasses import dataclass, field
from typing import Any

from keras_lr.engines import internals
from keras_lr.engines.compiled.plan import Plan

CALL = 60e-6
"""Seconds that a call of a compiled step costs by itself: no plan with one step a call is faster."""


def candidates(lanes: int, *, convolutions: bool, platform: str, cores: int) -> list[Plan]:
    """Plans worth trying, the likeliest first.

    Args:
        lanes: Trials that will run side by side.
        convolutions: Whether the model has convolutions.
        platform: JAX's platform name.
        cores: CPU cores.
    """
    if platform != "cpu":
        return [Plan(_power(lanes, 64), loop=True), Plan(1, loop=False)]
    threads = max(1, min(4, cores))
    # Eight lanes in a call are about as fast a lane as thirty-two, and packs of eight keep every
    # core busy and shrink as trials end.
    width = _power(-(-lanes // threads), 8)
    together = Plan(width, loop=True, threads=threads)
    alone = Plan(1, loop=False, threads=threads)
    return [alone, together] if convolutions else [together, alone]


def has_convolutions(model: Any) -> bool:
    """Whether a layer of the model is a convolution, by its class's name."""
    return any("conv" in type(layer).__name__.lower() for layer in internals.all_layers(model))


def default_candidates(lanes: int, model: Any) -> list[Plan]:
    """`candidates` for this model on this machine."""
    import jax

    return candidates(
        lanes,
        convolutions=has_convolutions(model),
        platform=jax.default_backend(),
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
    )


def _power(lanes: int, limit: int) -> int:
    width = 1
    while width < min(lanes, limit):
        width *= 2
    return min(width, limit)


@dataclass
class Planner:
    """Which plan to use now, from what was measured so far.

    Args:
        plans: Candidates, the likeliest first.

    Attributes:
        costs: Seconds a lane and step, of the plans that were measured.
    """

    plans: list[Plan]
    costs: dict[Plan, float] = field(default_factory=dict)
    settled: bool = False

    def __post_init__(self) -> None:
        self.current = self.plans[0]

    def measured(self, seconds: float, *, remaining: int, compile_seconds: float) -> None:
        """Take note of a measurement of the current plan, and choose the next plan.

        Args:
            seconds: Seconds a lane and step.
            remaining: Lane-steps still to be trained.
            compile_seconds: What compiling the current plan took; another may take as long.
        """
        self.costs[self.current] = seconds
        best = min(self.costs, key=self.costs.__getitem__)
        cost = self.costs[best]
        for plan in self.plans:
            if plan in self.costs:
                continue
            floor = 0.0 if plan.loop else CALL / plan.threads
            # Half of what it could save at the very most: an even bet that it is worth compiling.
            if (cost - floor) / 2 * remaining > compile_seconds:
                self.current = plan
                return
        self.current = best
        self.settled = True

    def drop(self) -> bool:
        """Give up the current plan, which can't be compiled; returns whether another is left."""
        self.plans = [plan for plan in self.plans if plan != self.current]
        if not self.plans:
            return False
        self.current = min(self.costs, key=self.costs.__getitem__) if self.costs else self.plans[0]
        self.settled = bool(self.costs) and len(self.costs) == len(self.plans)
        return True

    def describe(self) -> str:
        """The plan in use, with the measurements where there was a choice."""
        if not self.costs:
            return str(self.current)
        told = [
            f"{plan}: {cost * 1e6:.0f} µs a step"
            for plan, cost in sorted(self.costs.items(), key=lambda item: item[1])
        ]
        return told[0] + ("" if len(told) == 1 else f" (measured against {'; '.join(told[1:])})")
