"""Racing: trials that fall behind end early, as a pruner of Optuna's decides.

A step of the race is an epoch that is done, of the trial's real schedule: 1 after the first. On the
compiled engine the trials of a wave reach a rung together, so all of them are told to the pruner
before it is asked for any; a trial is then judged by all of its wave and all that were there
before. With `engine="fit"` each trial has only those before it as rivals.

What is told is written to the study's storage, which on a disk or a server takes its time. So the
values that the pruner needs are written when it needs them, the last value of a trial when it ends,
and between them as many as little time is enough for: for those who look on, and for what an
interrupted trial leaves.
"""

import copy
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras_lr.tuner.pruners import may_end_at, prunes, rungs_behind, with_rungs

SHOWN = 0.02
"""The share of the time that writing values may take which no pruner needs."""

_RUNG = "completed_rung_"


class Race:
    """Tells Optuna how trials come along, and asks its pruner which ones go on.

    Args:
        study: The Optuna study, with its pruner.
        mine: Whether a trial is still this process's, asked before its values are told; by default
            all are.
    """

    def __init__(self, study: Any, mine: Callable[[Any], bool] = lambda _: True) -> None:
        from optuna.storages import InMemoryStorage

        self.study = study
        self._mine = mine
        self._races = prunes(study.pruner)
        self._rungs = with_rungs(study.pruner)
        self._in_memory = isinstance(study._storage, InMemoryStorage)
        self._next = -math.inf

    def after(self, epoch: int, values: Mapping[Any, float], *, last: bool) -> set[int]:
        """Tell of an epoch of trials that run side by side, and ask the pruner.

        Args:
            epoch: The epoch that is done, from 0.
            values: The objective of each (Optuna) trial; those that aren't finite aren't told.
            last: Whether it was the trials' last epoch: then nothing is left to end.

        Returns:
            The numbers of those that end. A trial that another process has brought to its end,
            since this one had been stopped for long, is among them, and one that isn't `mine`.
        """
        step = epoch + 1
        finite = {trial: value for trial, value in values.items() if math.isfinite(value)}
        asks = self._races and not last and may_end_at(self.study.pruner, step)
        gone = set()
        if asks or self._in_memory or time.monotonic() >= self._next:
            started = time.monotonic()
            gone = {t for t, v in finite.items() if not (self._mine(t) and _tell(t, step, v))}
            ended = time.monotonic()
            self._next = ended + (ended - started) / SHOWN
        if asks and len(finite) > len(gone):
            frozen = self.study.get_trials(deepcopy=False)
            runs = [self._until(frozen[t.number], step) for t in finite if t not in gone]
            return {trial.number for trial in gone} | self._ended(runs)
        return {trial.number for trial in gone}

    def end(self, trial: Any, curve: Sequence[float]) -> None:
        """Tell the last value of a trial: the sampler knows by it how far one came that was ended.

        Args:
            trial: The (Optuna) trial.
            curve: Its objective, epoch by epoch.
        """
        steps = [step for step, value in enumerate(curve, 1) if math.isfinite(value)]
        if steps:
            _tell(trial, steps[-1], curve[steps[-1] - 1])

    def _ended(self, runs: list[Any]) -> set[int]:
        if self._rungs is not None and len(runs) > 1:
            # A trial enters its rung when the pruner is asked for it. So it is asked for all once,
            # and its answers, given before it knew the others, are forgotten. Asked again for the
            # trials as they were before, it finds all of them in the rung. (And each finds itself
            # there too: of a number of rivals that is one short of a multiple of its factor, it
            # lets one more go on.)
            for trial in runs:
                self._ends(trial)
        return {trial.number for trial in runs if self._ends(trial)}

    def _ends(self, frozen: Any) -> bool:
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            return self.study.pruner.prune(self.study, frozen)
        except UpdateFinishedTrialError:
            return True

    def _until(self, frozen: Any, step: int) -> Any:
        """A trial as it was at a step: one that is trained again has left traces of later ones."""
        now = copy.copy(frozen)
        values = frozen.intermediate_values.items()
        now.intermediate_values = {reported: v for reported, v in values if reported <= step}
        if self._rungs is not None:
            behind = rungs_behind(self._rungs, self.study, frozen, step)
            later = {f"{_RUNG}{rung}" for rung in range(behind, len(frozen.system_attrs))}
            attributes = frozen.system_attrs.items()
            now.system_attrs = {key: value for key, value in attributes if key not in later}
        return now


def _tell(trial: Any, step: int, value: float) -> bool:
    """Report a value; whether the trial still runs, as far as its storage knows."""
    from optuna.exceptions import UpdateFinishedTrialError

    with warnings.catch_warnings():
        # A trial that a killed process had begun has reported this before.
        warnings.simplefilter("ignore", UserWarning)
        try:
            trial.report(value, step)
        except UpdateFinishedTrialError:
            return False
    return True
