"""Statistics of the updates of an epoch, gathered inside the step, for a monitor; they never cut."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keras_lr.rate.detection.detector import Watch

NORMS = ("gradient_norm", "weight_norm", "update_ratio")
"""What is made of the norms of some updates (see `norms`)."""


@dataclass(frozen=True)
class MeanState:
    """Updates so far, and the sum of their alignments."""

    count: float = 0.0
    total: float = 0.0


class MeanAlignment:
    """The mean alignment of the gradients with the update before each (see `gauges.alignment`)."""

    def start(self) -> MeanState:
        """Nothing seen."""
        return MeanState()

    def room(self, state: Mapping[str, Any]) -> int:
        """Updates that may wait: any number."""
        return 64

    def gather(self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """Add one update."""
        value = seen["alignment"]
        finite = xp.isfinite(value)
        return {
            "count": state["count"] + xp.where(finite, 1.0, 0.0),
            "total": state["total"] + xp.where(finite, value, 0.0),
        }

    def due(self, state: Mapping[str, Any], xp: Any) -> Any:
        """Never."""
        return state["count"] < 0

    def judge(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """Nothing to judge."""
        return dict(state), state["count"] < 0


@dataclass(frozen=True)
class NormState:
    """Where `NormTrend` stands.

    Args:
        count: Updates since the last sample.
        samples: Samples so far.
        last: ‖w‖² at the last one.
        mean: Mean of its changes from one sample to the next.
        squares: Sum of the squared deviations from it.
    """

    count: float = 0.0
    samples: float = 0.0
    last: float = 0.0
    mean: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True)
class NormTrend:
    """How ‖w‖² of all weights moves, sampled every few updates.

    Where weights rest in a stationary state, ⟨w, d⟩ − (α/2)‖d‖² is 0 on average, with d the update's
    direction and α the rate. That is (‖w_k‖² − ‖w_{k+1}‖²) / (2α) exactly, so its mean is a trend of
    ‖w‖², and what there is to test is whether that trend is 0.

    Args:
        every: Updates from one sample to the next.

    Source: Zhang, Lang, Liu and Xiao (2020), "Statistical adaptive stochastic gradient methods"
    (SASA+); Lewkowycz (2021), "How to decay your learning rate" (ABEL), watches ‖w‖² too.
    """

    every: int = 10

    def start(self) -> NormState:
        """Nothing seen."""
        return NormState()

    def gather(self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """Count one update."""
        return {**state, "count": state["count"] + 1.0}

    def due(self, state: Mapping[str, Any], xp: Any) -> Any:
        """Whether this update is one to sample."""
        return state["count"] >= float(self.every)

    def judge(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """Take a sample."""
        now = seen["norm"]
        change = xp.where(state["samples"] > 0, now - state["last"], 0.0)
        off = change - state["mean"]
        changes = xp.maximum(state["samples"], 1.0)  # after this sample; the first has none
        mean = xp.where(state["samples"] > 0, state["mean"] + off / changes, 0.0)
        squares = state["squares"] + off * (change - mean)
        return {
            "count": 0.0 * state["count"],
            "samples": state["samples"] + 1.0,
            "last": now,
            "mean": mean,
            "squares": xp.where(state["samples"] > 0, squares, 0.0),
        }, now < 0


@dataclass(frozen=True)
class Statistic:
    """What is told of the updates of an epoch.

    Args:
        watch: Gathers it inside the step.
        read: Makes it of the state of the watch; `None` before enough was seen.
    """

    watch: Watch
    read: Callable[[Mapping[str, float]], float | None]


def _mean(state: Mapping[str, float]) -> float | None:
    return state["total"] / state["count"] if state["count"] else None


def _in_standard_errors(state: Mapping[str, float]) -> float | None:
    changes = state["samples"] - 1
    if changes < 2 or state["squares"] <= 0:
        return None
    return state["mean"] / math.sqrt(state["squares"] / (changes - 1) / changes)


OF_EPOCH = {
    "alignment": Statistic(Watch(MeanAlignment(), "alignment"), _mean),
    "norm_equilibrium": Statistic(Watch(NormTrend(), "norm"), _in_standard_errors),
}
"""The statistics that a watch gathers, by name."""

STATISTICS = (*NORMS, *OF_EPOCH)
"""What `LearningRateMonitor(statistics=...)` can log."""
