"""The rate as data: what changed it, when, and why; and what makes up any step's rate."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from keras_lr.rules import Rule
from keras_lr.schedules.explain import Explanation as Parts
from keras_lr.state.rate_event import RateEvent

__all__ = ["Explanation", "RateEvent", "RunRecord", "rule_labels"]


def rule_labels(rules: Sequence[Rule]) -> list[str]:
    """A distinct name for each rule: its own; with its metric, or a number, where rules share one.

    >>> from keras_lr.rules import Divergence, Plateau
    >>> rule_labels([Plateau("loss"), Plateau("mae"), Divergence()])
    ['plateau(loss)', 'plateau(mae)', 'divergence']
    >>> rule_labels([Plateau("loss"), Plateau("loss", patience=3)])
    ['plateau(loss)', 'plateau(loss) 2']
    """
    names = Counter(rule.name for rule in rules)
    seen: Counter[str] = Counter()
    labels = []
    for rule in rules:
        label = rule.name if names[rule.name] == 1 else f"{rule.name}({rule.monitor})"
        seen[label] += 1
        labels.append(label if seen[label] == 1 else f"{label} {seen[label]}")
    return labels


@dataclass(frozen=True)
class Explanation:
    """Where the rate of one step comes from: rate = base × schedule × group × reductions.

    Args:
        step: The update, counted from the start of the run (the first is 0).
        base: The optimizer's own rate at this step: a number, or what the schedule that it was
            built with gives.
        schedule: The schedule's factor at this step; 1 without one.
        reductions: Each cause's factor up to this step: a rule, by the name that its events have;
            the class of another callback in the same fit; or that callback with its schedule,
            whose factor at this step it is.
        settings: What else follows a schedule, `momentum` or `weight_decay`, and its value.
        parts: Which part of the schedule gave what, as `plan.explain(step)` tells it; `None`
            without one.
        group: The name of the group and its own schedule's factor at this step, where `per_layer`
            gave it one.
    """

    step: int
    base: float
    schedule: float
    reductions: dict[str, float] = field(default_factory=dict)
    settings: dict[str, float] = field(default_factory=dict)
    parts: Parts | None = None
    group: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """The product: what reaches the weights."""
        factors = [*self.group.values(), *self.reductions.values()]
        return self.base * self.schedule * math.prod(factors)

    def __str__(self) -> str:
        parts = [f"base {self.base:.4g}", f"schedule {self.schedule:.4g}"]
        factors = {**self.group, **self.reductions}
        parts += [f"{cause} {factor:.4g}" for cause, factor in factors.items()]
        settings = "".join(f", {name} {value:.4g}" for name, value in self.settings.items())
        head = f"step {self.step}: {self.rate:.4g} = {' × '.join(parts)}{settings}"
        return "\n".join([head, *self._below()])

    def _below(self) -> list[str]:
        """The parts of the schedule, a line each."""
        if self.parts is None:
            return []
        _, *lines = str(self.parts).splitlines()
        return ["  the schedule gives rates:", *lines] if self.parts.absolute else lines


@dataclass
class RunRecord:
    """What happened to the rate in the fits of one callback.

    Args:
        steps_per_epoch: Updates in an epoch (fractional under gradient accumulation).
        epochs: Epochs of the run.
        schedule: The schedule's text, or `None`.
        events: Every cut, rollback and outside change, in order.
        fits: Fits that were begun.
        ending: By how much the last fit missed its schedule's end, in words; `None` if it didn't.
    """

    steps_per_epoch: float = 0.0
    epochs: int = 0
    schedule: str | None = None
    events: list[RateEvent] = field(default_factory=list)
    fits: int = 0
    ending: str | None = None
