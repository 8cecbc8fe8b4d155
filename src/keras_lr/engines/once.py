"""What is known of a wave's trials, and was told of them: whoever trains them, each is told of once.

A trial may be trained more than once: workers are lost, and programs give up in the middle. It
gives the same curve again, since it starts from the same weights and sees the same batches; so it
is reported once an epoch, it ends once, and what was decided of it stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.engines.endings import endings
from keras_lr.engines.trial import Become, Done, Exchange, Report, TrialResult


class Once:
    """The report, the end and the exchange of a wave's trials, and which are to be trained again.

    It is a report itself, to be handed on in place of the caller's.

    Args:
        trials: How many there are.
        report: See `Engine.run`.
        done: See `Engine.run`.
        exchange: See `Engine.run`.
        losses: How often a trial's worker may be lost before the trial counts as failed.

    Attributes:
        exchange: To be handed on in place of the exchange; `None` where there is none.
        results: Of the trials that ended, by place.
    """

    def __init__(
        self,
        trials: int,
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
        *,
        losses: int = 0,
    ) -> None:
        self.trials = trials
        self.losses = losses
        self.results: dict[int, TrialResult] = {}
        self.exchange: Exchange | None = None if exchange is None else self._exchange
        self._report, self._done, self._asked = report, done, exchange
        self._answers: dict[int, Mapping[int, Become]] = {}
        self._wanted: dict[int, bool] = {}
        self._reported: dict[int, int] = {}
        self._pruned: dict[int, int] = {}
        self._lost: dict[int, int] = {}

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        """Pass on an epoch of a trial; whether it ends."""
        return bool(self.together(epoch, {trial: logs}))

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Pass on an epoch of trials that train side by side; the places of those that end.

        Args:
            epoch: The epoch, from 0.
            logs: Of each trial, by place. Asked is for those that nobody had brought so far before.
        """
        # A copy of another trial comes back after an epoch in which it was lost, and not reported.
        new = {
            trial: values for trial, values in logs.items() if self._reported.get(trial, 0) <= epoch
        }
        ended = endings(self._report, epoch, new) if new else set()
        for trial in new:
            self._reported[trial] = epoch + 1
            if trial in ended:
                self._pruned[trial] = epoch
        return {trial for trial in logs if self._pruned.get(trial, epoch + 1) <= epoch}

    def done(self, trial: int, result: TrialResult) -> bool:
        """Pass on that a trial ended; whether its weights are wanted."""
        if trial not in self.results:
            self.results[trial] = result
            self._wanted[trial] = bool(self._done(trial, result))
        return self._wanted[trial]

    def left(self, group: Sequence[int]) -> list[int]:
        """Those that haven't ended."""
        return [trial for trial in group if trial not in self.results]

    def again(self, group: Sequence[int], why: str, *, alone: bool = True) -> list[list[int]]:
        """What to train again after the worker of `group` was lost: its trials that haven't ended.

        They are halved until one is left by itself: only then it is to blame. Copies of each other
        can't be parted, and who ended may be the source of one: all are trained again together.

        Args:
            group: The trials that it was training.
            why: What happened, for the trials that were lost too often.
            alone: Whether the worker alone died, not its whole node: then one of the trials may be
                to blame, so each half gets a worker of its own at once.
        """
        left = self.left(group)
        for trial in left:
            self._lost[trial] = self._lost.get(trial, 0) + 1
        if not left:
            return []
        often = any(self._lost[trial] > self.losses for trial in left)
        together = self.exchange is not None
        if often and (together or len(left) == 1):
            for trial in left:
                self.done(trial, TrialResult(error=WorkerLost(why)))
            return []
        if together:
            return [list(group)]
        return _halves(left) if alone or often else [left]

    def failed(self, group: Sequence[int], error: Exception) -> list[list[int]]:
        """What to train again after the training of `group` raised: its trials that haven't ended.

        One of them may be to blame, so they are halved until it is left by itself: it has failed
        with that error.

        Args:
            group: The trials that were trained.
            error: What was raised.

        Raises:
            Exception: The error, where trials are copies of each other: what one can't do none can.
        """
        if self.exchange is not None:
            raise error
        left = self.left(group)
        if len(left) > 1:
            return _halves(left)
        for trial in left:
            self.done(trial, TrialResult(error=error))
        return []

    def keep(self, trial: int, weights: Any) -> None:
        """Keep the weights of a trial that ended."""
        self.results[trial].weights = weights

    def collect(self) -> list[TrialResult]:
        """The results, in the trials' order."""
        return [self.results[trial] for trial in range(self.trials)]

    def _exchange(
        self, epoch: int, logs: Mapping[int, Mapping[str, float]]
    ) -> Mapping[int, Become]:
        assert self._asked is not None
        if epoch not in self._answers:
            self._answers[epoch] = self._asked(epoch, logs)
        return self._answers[epoch]


def _halves(trials: list[int]) -> list[list[int]]:
    middle = -(-len(trials) // 2)
    return [half for half in (trials[:middle], trials[middle:]) if half]


class WorkerLost(RuntimeError):
    """A trial's worker died each time that it was trained."""
