"""Whether each gradient takes the last update back: the alignment test of oscillation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class AlignmentState:
    """Where the alignment test stands; every value is exact in single precision.

    Args:
        count: Updates in the running chunk.
        total: Sum of their alignments.
        chunks: Chunks that are done in this phase (since the run or since the last cut).
        boundary: Chunks of the phase at which the next block begins.
        before_count: Chunks in the block before the running one.
        before_mean: Mean of their means.
        before_squares: Sum of the squared deviations from it.
        block_count: The same of the running block.
        block_mean: The same of the running block.
        block_squares: The same of the running block.
        evidence: The upper end of the confidence interval at the last verdict.
    """

    count: float = 0.0
    total: float = 0.0
    chunks: float = 0.0
    boundary: float = 0.0
    before_count: float = 0.0
    before_mean: float = 0.0
    before_squares: float = 0.0
    block_count: float = 0.0
    block_mean: float = 0.0
    block_squares: float = 0.0
    evidence: float = 0.0


@dataclass(frozen=True)
class AlignmentTest:
    """The cosine between a gradient and the update before it, over the recent part of a phase.

    a = ⟨g, u⟩ / (‖g‖ ‖u‖), with u = θ_before − θ_after of the last update. A gradient that points
    back to where the update came from (a < 0) says that the update went too far. Single values are
    noise; the mean of a chunk of updates is nearly independent of the next chunk's, and their
    confidence interval lies below 0 only where oscillation is the rule.

    The beginning of a phase, in which training still makes way, should not be counted: the last
    half of it is meant. It is kept with bounded memory in blocks that double: a block ends when the
    phase has twice as many chunks as when it began, and what counts is the running block and the
    one before. So that is the last half of the phase where a block begins, growing to the last
    three quarters where it ends. (Doubling blocks are the exponential histograms of Datar, Gionis,
    Indyk and Motwani, 2002, with one block a size.) Means and deviations are those of
    Welford (1962), and merged as by Chan, Golub and LeVeque (1983), which lose nothing in single
    precision.

    Args:
        chunk: Updates in a chunk.
        chunks: Chunks in a phase before the first verdict, an even number.
        width: Half the width of the confidence interval, in standard errors.

    Source: Pflug (1990); Chee and Toulis (2018), "Convergence diagnostics for stochastic gradient
    descent"; chunks and normalisation after Chee and Li (2020), "Understanding and detecting
    convergence for stochastic gradient descent with momentum".
    """

    chunk: int
    chunks: int
    width: float

    def start(self) -> AlignmentState:
        """The state in which a phase, and a run, begins."""
        return AlignmentState(boundary=float(self.chunks // 2))

    def gather(self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """Add one update to its chunk; one without an alignment (no update before it) is none."""
        value = seen["alignment"]
        finite = xp.isfinite(value)
        return {
            **state,
            "count": state["count"] + xp.where(finite, 1.0, 0.0),
            "total": state["total"] + xp.where(finite, value, 0.0),
        }

    def room(self, state: Mapping[str, Any]) -> int:
        """Updates that fit into the running chunk: before so many, nothing can be due."""
        return self.chunk - int(state["count"])

    def due(self, state: Mapping[str, Any], xp: Any) -> Any:
        """Whether a chunk is full."""
        return state["count"] >= float(self.chunk)

    def judge(
        self, state: Mapping[str, Any], seen: Mapping[str, Any], xp: Any
    ) -> tuple[dict[str, Any], Any]:
        """Add a full chunk and judge the phase; only where it is `due`."""
        mean = state["total"] / xp.maximum(state["count"], 1.0)
        block = _added(state["block_count"], state["block_mean"], state["block_squares"], mean)
        before = (state["before_count"], state["before_mean"], state["before_squares"])
        chunks = state["chunks"] + 1.0
        upper = self._upper(_merged(before, block, xp), xp)
        judged = chunks >= float(self.chunks)
        cut = judged & (upper < 0)
        ends = chunks >= state["boundary"]
        first = self.start()
        following = {
            "count": 0.0,
            "total": 0.0,
            "chunks": chunks,
            "boundary": xp.where(ends, state["boundary"] * 2.0, state["boundary"]),
            "before_count": xp.where(ends, block[0], before[0]),
            "before_mean": xp.where(ends, block[1], before[1]),
            "before_squares": xp.where(ends, block[2], before[2]),
            "block_count": xp.where(ends, 0.0, block[0]),
            "block_mean": xp.where(ends, 0.0, block[1]),
            "block_squares": xp.where(ends, 0.0, block[2]),
        }
        anew = {name: xp.where(cut, getattr(first, name), v) for name, v in following.items()}
        return {**anew, "evidence": xp.where(judged, upper, state["evidence"])}, cut

    def _upper(self, sample: tuple[Any, Any, Any], xp: Any) -> Any:
        count, mean, squares = sample
        variance = xp.maximum(squares, 0.0) / xp.maximum(count - 1.0, 1.0)
        return mean + self.width * xp.sqrt(variance / xp.maximum(count, 1.0))


def _added(count: Any, mean: Any, squares: Any, value: Any) -> tuple[Any, Any, Any]:
    off = value - mean
    mean = mean + off / (count + 1.0)
    return count + 1.0, mean, squares + off * (value - mean)


def _merged(
    one: tuple[Any, Any, Any], other: tuple[Any, Any, Any], xp: Any
) -> tuple[Any, Any, Any]:
    count = one[0] + other[0]
    share = other[0] / xp.maximum(count, 1.0)
    off = other[1] - one[1]
    return count, one[1] + off * share, one[2] + other[2] + off * off * one[0] * share
