"""The trials of one call of `run`, as their parent sees them: each is told of only once."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.engines.endings import endings
from keras_lr.engines.trial import Done, Exchange, Report, TrialResult, TrialSpec


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
        self.results = [TrialResult() for _ in self.specs]
        self._report = report
        self._done = done
        self._epochs = [-1] * len(self.specs)
        self._ended: dict[int, bool] = {}
        self._answers: dict[int, Any] = {}

    def missing(self, places: Sequence[int]) -> list[int]:
        """The trials that have to run again if they didn't come to an end together."""
        if self.exchange is not None:
            return list(places)  # copies of each other: none can be run without the others
        return [index for index in places if index not in self._ended]

    def report(self, index: int, epoch: int, logs: Mapping[str, float]) -> bool:
        """Pass a report on, once; whether the trial is to end."""
        if epoch <= self._epochs[index]:
            return False
        self._epochs[index] = epoch
        return bool(self._report(index, epoch, logs))

    def reports(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Pass on an epoch of trials that run side by side, once; the places of those that end."""
        new = {index: values for index, values in logs.items() if epoch > self._epochs[index]}
        self._epochs = [epoch if i in new else last for i, last in enumerate(self._epochs)]
        return endings(self._report, epoch, new) if new else set()

    def done(self, index: int, result: TrialResult) -> bool:
        """Pass on that a trial ended, once; whether its weights are wanted."""
        if index not in self._ended:
            self.results[index] = result
            self._ended[index] = bool(self._done(index, result))
        return self._ended[index]

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

    def fail(self, index: int, error: Exception) -> None:
        """A trial failed by what happened to its process."""
        self.done(index, TrialResult(error=error))
