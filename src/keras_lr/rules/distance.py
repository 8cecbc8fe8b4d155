"""Whether the weights still travel: the distance test of oscillation, as pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DistanceState:
    """Where the distance test stands; every value is exact in single precision.

    Args:
        count: Updates in this phase (since the run began, or since the last cut).
        looked: Updates in the phase at the last look; 0 before the first.
        distance: What was seen then.
        evidence: The exponent at the last verdict.
    """

    count: float = 0.0
    looked: float = 0.0
    distance: float = 0.0
    evidence: float = 0.0


@dataclass(frozen=True)
class DistanceTest:
    """The squared distance from where the phase began, at geometrically spaced updates.

    While training makes way, Ω = ‖θ − θ₀‖² grows as a power of the updates n with an exponent of 1
    to 2 (1 for a free random walk, 2 for a straight line). Once the weights oscillate around a
    point, it saturates and the exponent falls to 0. Between two looks the exponent is
    log(Ω/Ω_old) / log(n/n_old).

    Args:
        slope: An exponent below this is oscillation.
        first: Updates in a phase before the first look.
        growth: The ratio of the updates at two looks, more than 1.

    Source: Pesme, Dieuleveut, Flammarion (2020), "On Convergence-Diagnostic based Step Sizes for
    Stochastic Gradient Descent", section 4.
    """

    slope: float
    first: int
    growth: float

    def start(self) -> DistanceState:
        """The state in which a phase, and a run, begins."""
        return DistanceState()

    def gather(self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """Count one update; `seen` isn't looked at."""
        return {**state, "count": state["count"] + 1.0}

    def due(self, state: Mapping[str, Any], xp: Any) -> Any:
        """Whether this update is one of those at which the distance is looked at."""
        following = xp.ceil(state["looked"] * self.growth)
        return state["count"] >= xp.where(state["looked"] > 0, following, float(self.first))

    def judge(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """Compare the distance with that at the last look; only where it is `due`."""
        now = seen["distance"]
        finite = xp.isfinite(now)
        now = xp.where(finite, now, 0.0)
        comparable = finite & (now > 0) & (state["distance"] > 0) & (state["looked"] > 0)
        before = xp.where(comparable, state["distance"], 1.0)
        looked = xp.where(comparable, state["looked"], state["count"] / self.growth)
        exponent = xp.log(xp.where(comparable, now, 1.0) / before) / xp.log(state["count"] / looked)
        cut = comparable & (exponent < self.slope)
        keep = finite & xp.logical_not(cut)  # a look at no number is taken again one update later
        return {
            "count": xp.where(cut, 0.0, state["count"]),
            "looked": xp.where(cut, 0.0, xp.where(keep, state["count"], state["looked"])),
            "distance": xp.where(cut, 0.0, xp.where(keep, now, state["distance"])),
            "evidence": xp.where(comparable, exponent, state["evidence"]),
        }, cut
