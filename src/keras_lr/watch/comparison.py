"""Several ways to train the same model, compared on the same data over several seeds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rules.improvement import infer_mode
from keras_lr.watch.student import paired
from keras_lr.watch.style import score

LEVEL = 0.05
"""The chance that a comparison calls a way better or worse where none differs from the candidate."""
SEEDS = 3
"""Fewest seeds that a verdict is given on."""


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
    history: Mapping[str, Sequence[float]] = field(default_factory=dict, repr=False)

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
        higher_is_better: Direction of the metric; by default read off its name.

    Raises:
        InvalidInput: A single arm, different numbers of scores, a name that tells no direction.

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
            object.__setattr__(self, "higher_is_better", _rises(self.metric))

    def __repr__(self) -> str:
        """What each arm scored, in one line."""
        told = (f"{arm.name} {score(self.metric, arm.mean, arm.spread)}" for arm in self.arms)
        return f"Comparison({self.metric!r}: {', '.join(told)})"

    def __str__(self) -> str:
        """The arms as a table, and what they say."""
        from keras_lr.watch.answers import comparison_answer
        from keras_lr.watch.terminal import comparison_table

        return f"{comparison_table(self)}\n\n{comparison_answer(self)}"

    def _repr_html_(self) -> str:
        from keras_lr.watch.notebook import as_html

        return as_html(self)

    def plot(self) -> Any:
        """A plotly figure: each arm's seeds, their mean and spread."""
        from keras_lr.watch.figures import comparison_figure

        return comparison_figure(self)

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

        The arms share their seeds, so a paired t-test (two-sided) on the differences seed by seed
        decides, at 5 % divided by the number of baselines (Bonferroni): among all verdicts of a
        comparison, one is wrong with a probability of at most 5 % where nothing differs. With five
        seeds the mean difference has to be 2.78 standard errors against one baseline and 3.96
        against three; with three seeds 4.30 and 7.65. Fewer than three seeds, or a score that
        isn't finite, distinguish nothing.
        """
        scores = self.candidate.scores, baseline.scores
        if len(scores[0]) < SEEDS or paired(*scores) > LEVEL / len(self.baselines):
            return "not distinguishable"
        return "better" if self.gain(baseline) > 0 else "worse"


def _rises(metric: str) -> bool:
    try:
        return infer_mode(metric) == "max"
    except InvalidInput:
        raise InvalidInput(
            f"The name {metric!r} doesn't tell whether less or more is better. Write "
            f"Comparison({metric!r}, arms, higher_is_better=True), or False. "
            f"Received: metric={metric!r}."
        ) from None
