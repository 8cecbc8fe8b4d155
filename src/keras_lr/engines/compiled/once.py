"""What the caller of `run` was told: whoever trains its trials, nothing is told twice."""

from collections.abc import Mapping

from keras_lr.engines.roster import Roster
from keras_lr.engines.trial import Become, Done, Exchange, Report, TrialResult


class Once:
    """The report, the end and the exchange of a wave's trials, each told once.

    Trials whose program gives up after some epochs are trained anew by `fit`. They give the same
    curves, so what was told stays told, and a verdict stays.

    Args:
        trials: How many there are.
        report: See `Engine.run`; this object is a report itself.
        done: See `Engine.run`.
        exchange: See `Engine.run`.

    Attributes:
        exchange: To be handed on in place of the exchange; `None` where there is none.
    """

    def __init__(
        self, trials: int, report: Report, done: Done, exchange: Exchange | None = None
    ) -> None:
        self._roster = Roster(trials, losses=0)
        self._report = report
        self._done = done
        self._asked = exchange
        self._answers: dict[int, Mapping[int, Become]] = {}
        self.exchange: Exchange | None = None if exchange is None else self._exchange

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        """Pass on an epoch of a trial; whether it ends."""
        return bool(self.together(epoch, {trial: logs}))

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Pass on an epoch of several trials; the places of those that end."""
        return self._roster.report(epoch, logs, self._report)

    def done(self, trial: int, result: TrialResult) -> bool:
        """Pass on that a trial ended; whether its weights are wanted."""
        return self._roster.end(trial, result, self._done)

    def ended(self, trial: int) -> TrialResult | None:
        """The result of a trial that ended; `None` while it hasn't."""
        return self._roster.results.get(trial)

    def _exchange(
        self, epoch: int, logs: Mapping[int, Mapping[str, float]]
    ) -> Mapping[int, Become]:
        assert self._asked is not None
        if epoch not in self._answers:
            self._answers[epoch] = self._asked(epoch, logs)
        return self._answers[epoch]
