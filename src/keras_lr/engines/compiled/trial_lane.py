"""One trial while it runs as a lane: its rates, its rules, its history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.engines.compiled.lanes import Lane
from keras_lr.engines.compiled.rates import RateTable
from keras_lr.engines.compiled.settings import as_pairs
from keras_lr.engines.trial import Become, TrialResult, TrialSpec, has_diverged, kept_of_divergence
from keras_lr.rules import Observation
from keras_lr.rules.states import RuleStates
from keras_lr.state.rows import is_numeric


@dataclass
class TrialLane:
    """A trial in training. What happens at an epoch's end is what `LearningRate` does there.

    What rules make of an epoch both leave to `RuleStates`; here what they decide is done to a lane,
    there to a model.

    Args:
        index: The trial's place in its wave.
        spec: The trial.
        lane: Where its state is.
        table: Its rates.
        batches: Batches in an epoch.
        factor: What its rate is multiplied by since it became a copy of another.
    """

    index: int
    spec: TrialSpec
    lane: Lane
    table: RateTable
    batches: int
    result: TrialResult = field(default_factory=TrialResult)
    ended: bool = False
    factor: float = 1.0

    def __post_init__(self) -> None:
        self.states = RuleStates.start(self.spec.rules)
        self.restores = any(rule.restores for rule in self.spec.rules)

    def rates(self, start: int, stop: int) -> np.ndarray:
        """The rate of each batch of the run from `start` to `stop`, for each stock optimizer."""
        return self.table.rates(start, stop, self.reduction)

    @property
    def reduction(self) -> float:
        """What the rate is multiplied by apart from its schedule."""
        return self.factor * self.states.reduction

    def become(self, source: "TrialLane", how: Become) -> None:
        """Go on as a copy of another trial; both lanes are out of their packs."""
        self.lane.state = source.lane.state
        self.lane.settings = {**source.lane.settings, **as_pairs(how.settings)}
        self.table, self.factor = source.table, how.factor
        self.ended = self.result.diverged = False

    def begin(self, logs: Mapping[str, Any]) -> None:
        """Show the first batch's logs to the rules that restore."""
        watched = {
            rule.monitor: float(logs[rule.monitor])
            for rule in self.spec.rules
            if rule.restores and rule.monitor in logs
        }
        if watched:
            self.states = self.states.begin(
                Observation(0, -1, watched, self.table.settable(self.batches, 1.0))
            )

    def end_epoch(self, epoch: int, logs: Mapping[str, Any], *, finite: bool) -> bool:
        """Take note of an epoch.

        Args:
            epoch: The epoch, from 0.
            logs: Its metrics, validation included.
            finite: Whether all weights are finite.

        Returns:
            Whether the state has to go back to the last good one.
        """
        done = (epoch + 1) * self.batches
        logs = {name: float(value) for name, value in logs.items() if is_numeric(value)}
        logs |= self.table.logged(done, self.reduction)
        rollback = False
        if self.spec.rules:
            seen = Observation(
                done // self.table.accumulated,
                epoch,
                logs,
                self.table.settable(done, self.states.reduction),
                finite,
            )
            self.states, decisions = self.states.update(seen)
            rollback = any(decision.rollback for _, decision in decisions)
            if any(decision.give_up for _, decision in decisions):
                # `LearningRate` raises here, before the epoch gets into the history.
                self.result.diverged = self.ended = True
                return False
        if has_diverged(logs) and not rollback:
            self.result.diverged = self.ended = True
            logs = kept_of_divergence(logs)
        for name, value in logs.items():
            self.result.history.setdefault(name, []).append(value)
        return rollback

    def last_logs(self) -> dict[str, float]:
        """The last epoch of the history."""
        return {name: values[-1] for name, values in self.result.history.items()}
