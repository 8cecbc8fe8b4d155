"""One trial while it runs as a lane: its rates, its rules, its history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.engines.compiled.lanes import Lane
from keras_lr.engines.compiled.rates import RateTable
from keras_lr.engines.trial import TrialResult, TrialSpec, has_diverged
from keras_lr.rules import Observation
from keras_lr.rules.states import RuleStates


@dataclass
class TrialLane:
    """A trial in training. What happens at an epoch's end is what `LearningRate` does there.

    Args:
        index: The trial's place in its wave.
        spec: The trial.
        lane: Where its state is.
        table: Its rates.
        batches: Batches in an epoch.
    """

    index: int
    spec: TrialSpec
    lane: Lane
    table: RateTable
    batches: int
    result: TrialResult = field(default_factory=TrialResult)
    ended: bool = False

    def __post_init__(self) -> None:
        self.states = RuleStates.start(self.spec.rules)
        self.restores = any(rule.restores for rule in self.spec.rules)

    def rates(self, start: int, stop: int) -> np.ndarray:
        """The rate of each batch of the run from `start` to `stop`, for each stock optimizer."""
        return self.table.rates(start, stop, self.states.reduction)

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
        logs = {**logs, **self.table.logged(done, self.states.reduction)}
        rollback = False
        if self.spec.rules:
            seen = Observation(
                int((epoch + 1) * (self.batches / self.table.accumulated)),
                epoch,
                {name: float(value) for name, value in logs.items() if _is_number(value)},
                self.table.settable(done, self.states.reduction),
                finite,
            )
            self.states, decisions = self.states.update(seen)
            rollback = any(decision.rollback for _, decision in decisions)
            if any(decision.give_up for _, decision in decisions):
                # `LearningRate` raises here, before the epoch gets into the history.
                self.result.diverged = self.ended = True
                return False
        for name, value in logs.items():
            if _is_number(value):
                self.result.history.setdefault(name, []).append(float(value))
        if has_diverged(logs) and not rollback:
            self.result.diverged = self.ended = True
        return rollback

    def last_logs(self) -> dict[str, float]:
        """The last epoch of the history."""
        return {name: values[-1] for name, values in self.result.history.items()}


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
