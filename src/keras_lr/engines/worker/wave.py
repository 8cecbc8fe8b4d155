"""The trials of one call of `run`, as their parent sees them: each is told of only once."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.engines.roster import Roster, WorkerLost
from keras_lr.engines.trial import Done, Exchange, Report, TrialResult, TrialSpec

LOSSES = 1
"""How often a trial's worker may die before the trial, left by itself, counts as failed."""


class Wave:
    """What was reported of trials, so that a wave that runs again repeats nothing to the caller.

    Trials that run again give the same curves, since they start from the same weights and see the
    same batches.

    Args:
        specs: The trials.
        report: See `Engine.run`.
        done: See `Engine.run`.
        exchange: See `Engine.run`.
    """

    def __init__(
        self, specs: Sequence[TrialSpec], report: Report, done: Done, exchange: Exchange | None
    ) -> None:
        self.specs = list(specs)
        self.exchange = exchange
        self._roster = Roster(len(self.specs), LOSSES)
        self._report = report
        self._done = done
        self._answers: dict[int, Any] = {}
        self._deaths = 0

    def reports(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Pass on an epoch of trials that run side by side, once; the places of those that end."""
        return self._roster.report(epoch, logs, self._report)

    def done(self, index: int, result: TrialResult) -> bool:
        """Pass on that a trial ended, once; whether its weights are wanted."""
        return self._roster.end(index, result, self._done)

    def again(self, places: Sequence[int], death: Exception) -> list[list[int]]:
        """What to run again after a worker died, each part in one of its own.

        Until one trial is left by itself: only then it is to blame. Copies of each other can't be
        parted; they run once more, together.
        """
        if self.exchange is None:
            return self._roster.again(places, alone=True, why=str(death), done=self._done)
        self._deaths += 1
        if self._deaths <= LOSSES:
            return [list(places)]
        for index in places:
            self.done(index, TrialResult(error=WorkerLost(str(death))))
        return []

    def failed(self, places: Sequence[int], error: Exception) -> list[list[int]]:
        """What to run again after a training raised, for the trial that is to blame to fail alone.

        Raises:
            Exception: The error, where trials are copies of each other: what one can't do none can.
        """
        if self.exchange is not None:
            raise error
        return self._roster.failed(places, error, self._done)

    def left(self, places: Sequence[int]) -> list[int]:
        """Those that haven't ended."""
        return self._roster.left(places)

    def keep(self, index: int, weights: Any) -> None:
        """Keep the weights of a trial that ended."""
        self._roster.results[index].weights = weights

    def results(self) -> list[TrialResult]:
        """The results, in the trials' order."""
        return self._roster.collect()

    def exchanged(self, epoch: int, logs: Any) -> list[Any]:
        """Pass on what all trials logged in an epoch, once; which go on as copies."""
        assert self.exchange is not None
        if epoch not in self._answers:
            answer = self.exchange(epoch, dict(logs))
            self._answers[epoch] = [
                [
                    index,
                    {
                        "source": become.source,
                        "factor": become.factor,
                        "settings": dict(become.settings),
                    },
                ]
                for index, become in answer.items()
            ]
        return self._answers[epoch]
