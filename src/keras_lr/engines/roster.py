"""What is known of a wave that other processes train: what was logged, decided, lost, ended.

Pure bookkeeping, for whoever sends trials out. A trial may be trained more than once, since
workers are lost; it is reported once an epoch and ends once all the same, and a verdict that was
given stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keras_lr.engines.endings import endings
from keras_lr.engines.trial import Done, Report, TrialResult


@dataclass
class Roster:
    """The state of a wave.

    Args:
        trials: How many there are.
        losses: How often a trial may be lost before it counts as failed.

    Attributes:
        results: Of trials that ended.
        wanted: Whether the weights of these are.
        reported: Epochs of each trial that were reported.
        pruned: The epoch after which a trial was ended.
        lost: How often a trial's worker was lost.
    """

    trials: int
    losses: int
    results: dict[int, TrialResult] = field(default_factory=dict)
    wanted: dict[int, bool] = field(default_factory=dict)
    reported: dict[int, int] = field(default_factory=dict)
    pruned: dict[int, int] = field(default_factory=dict)
    lost: dict[int, int] = field(default_factory=dict)

    def report(
        self, epoch: int, logs: Mapping[int, Mapping[str, float]], report: Report
    ) -> set[int]:
        """Which trials end after an epoch that a task posted; what was decided before stays.

        Args:
            epoch: The epoch, from 0.
            logs: The logs of each trial that the task runs.
            report: Asked for those that no worker had brought so far before.
        """
        # A copy of another trial comes back after an epoch in which it was lost, and not reported.
        new = {
            trial: values for trial, values in logs.items() if self.reported.get(trial, 0) <= epoch
        }
        ended = endings(report, epoch, new) if new else set()
        for trial in new:
            self.reported[trial] = epoch + 1
            if trial in ended:
                self.pruned[trial] = epoch
        return {trial for trial in logs if self.pruned.get(trial, epoch + 1) <= epoch}

    def end(self, trial: int, result: TrialResult, done: Done) -> bool:
        """Take note of a trial's end; whether its weights are wanted."""
        if trial not in self.results:
            self.results[trial] = result
            self.wanted[trial] = bool(done(trial, result))
        return self.wanted[trial]

    def again(self, group: Sequence[int], *, alone: bool, why: str, done: Done) -> list[list[int]]:
        """What to send out after the worker of `group` was lost: its trials that haven't ended.

        Args:
            group: The trials that it was training.
            alone: Whether the worker alone died, not its whole node: one of the trials may be to
                blame, so each half gets a worker of its own.
            why: What happened, for the trials that were lost too often.
            done: Told of these.
        """
        left = self.left(group)
        for trial in left:
            self.lost[trial] = self.lost.get(trial, 0) + 1
        often = any(self.lost[trial] > self.losses for trial in left)
        if len(left) == 1 and often:
            self.end(left[0], TrialResult(error=WorkerLost(why)), done)
            return []
        if alone or often:
            # Until one is left by itself: only then it is to blame.
            return _halves(left)
        return [left] if left else []

    def failed(self, group: Sequence[int], error: Exception, done: Done) -> list[list[int]]:
        """What to send out after the training of `group` raised: its trials that haven't ended.

        One of them may be to blame, so they are halved until it is left by itself: it has failed
        with that error.

        Args:
            group: The trials that were trained.
            error: What was raised.
            done: Told of the trial that failed.
        """
        left = self.left(group)
        if len(left) > 1:
            return _halves(left)
        for trial in left:
            self.end(trial, TrialResult(error=error), done)
        return []

    def left(self, group: Sequence[int]) -> list[int]:
        """Those that haven't ended."""
        return [trial for trial in group if trial not in self.results]

    def collect(self) -> list[TrialResult]:
        """The results, in the trials' order."""
        return [self.results[trial] for trial in range(self.trials)]


def _halves(trials: list[int]) -> list[list[int]]:
    middle = -(-len(trials) // 2)
    return [half for half in (trials[:middle], trials[middle:]) if half]


class WorkerLost(RuntimeError):
    """A trial's worker died each time that it was trained."""
