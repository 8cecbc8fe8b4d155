"""Several ways to train the same model, compared on the same data over several seeds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras_lr.errors import InvalidInput

_LOWER_IS_BETTER = ("loss", "error", "mse", "mae", "mape", "perplexity", "divergence")


@dataclass(frozen=True)
class Arm:
    """One way to train, and what it scored.

    Args:
        name: What the reader calls it, e.g. `"Keras's default rate"`.
        learning_rate: Its base rate.
        description: How to do the same, e.g. `"0.12 with momentum 0.9, one-cycle"`.
        scores: The metric after training, one value a seed.
        history: One seed's curves (`History.history`), for the charts; may be empty.

    >>> arm = Arm("constant", 0.1, "0.1, constant", (0.95, 0.97))
    >>> round(arm.mean, 3), round(arm.spread, 4)
    (0.96, 0.0141)
    """

    name: str
    learning_rate: float
    description: str
    scores: tuple[float, ...]
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.scores:
            raise InvalidInput(
                f"An arm needs one score a seed. Write Arm(..., scores=(0.97, 0.96)). "
                f"Received: scores={self.scores!r} for {self.name!r}."
            )

    @property
    def mean(self) -> float:
        """The mean over the seeds; NaN when one of them isn't finite."""
        return statistics.fmean(self.scores)

    @property
    def spread(self) -> float:
        """The standard deviation over the seeds (n − 1); NaN for a single seed."""
        if len(self.scores) < 2 or not all(math.isfinite(s) for s in self.scores):
            return math.nan
        return statistics.stdev(self.scores)


@dataclass(frozen=True)
class Comparison:
    """A candidate against its baselines, on the same split and the same seeds.

    The candidate is chosen before (on validation data), so it is the first arm whatever the
    scores say; `verdict` compares it with each of the others.

    Args:
        metric: The name of what was scored, e.g. `"test accuracy"`.
        arms: The candidate, then the baselines; at least two, with as many scores each.
        higher_is_better: Direction of the metric; by default read off its name (a name that
            speaks of a loss or an error is better when lower).

    >>> tuned = Arm("tuned", 0.1, "0.1, one-cycle", (0.97, 0.98, 0.975))
    >>> default = Arm("default", 0.01, "0.01, constant", (0.90, 0.91, 0.89))
    >>> Comparison("test accuracy", (tuned, default)).verdict(default)
    'better'
    """

    metric: str
    arms: tuple[Arm, ...]
    higher_is_better: bool | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "arms", tuple(self.arms))
        if len(self.arms) < 2:
            raise InvalidInput(
                "A comparison needs a candidate and at least one baseline. "
                f"Received: {len(self.arms)} arm(s)."
            )
        counts = {arm.name: len(arm.scores) for arm in self.arms}
        if len(set(counts.values())) > 1:
            raise InvalidInput(
                f"Every arm needs a score for each of the same seeds. Received: scores {counts}."
            )
        if self.higher_is_better is None:
            lower = any(word in self.metric.lower() for word in _LOWER_IS_BETTER)
            object.__setattr__(self, "higher_is_better", not lower)

    @property
    def candidate(self) -> Arm:
        """The arm that is compared with the others: the first."""
        return self.arms[0]

    @property
    def baselines(self) -> tuple[Arm, ...]:
        """The arms that it is compared with."""
        return self.arms[1:]

    def gain(self, baseline: Arm) -> float:
        """By how much the candidate's mean is better (negative: worse), in the metric's unit."""
        difference = self.candidate.mean - baseline.mean
        return difference if self.higher_is_better else -difference

    def verdict(self, baseline: Arm) -> str:
        """`"better"`, `"worse"` or `"not distinguishable"`.

        Distinguishable means that the two ranges mean ± standard deviation don't overlap. That
        is a cautious reading (with five seeds it asks for more than a t-test at 1 % does), and
        with a single seed nothing is distinguishable.
        """
        gain, spread = self.gain(baseline), self.candidate.spread + baseline.spread
        if not abs(gain) > spread:  # also when either is NaN
            return "not distinguishable"
        return "better" if gain > 0 else "worse"
