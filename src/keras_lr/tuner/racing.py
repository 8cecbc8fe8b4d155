"""Racing: trials that fall behind end early, as a pruner of Optuna's decides.

A step of the race is an epoch that is done, of the trial's real schedule: 1 after the first. On the
compiled engine the trials of a wave reach a rung together, so all of them are told to the pruner
before it is asked for any; a trial is then judged by all of its wave and all that were there
before. With `engine="fit"` each trial has only those before it as rivals.

Successive halving: Jamieson & Talwalkar (2016), asynchronous as in Li et al., "A System for Massively
Parallel Hyperparameter Tuning" (2020). Hyperband: Li et al. (2018).
"""

import copy
import math
import warnings
from collections.abc import Mapping
from typing import Any, Literal

from keras_lr.errors import InvalidInput, nearest

PRUNERS = ("none", "median", "halving", "hyperband")
"""Pruners by name."""

FACTOR = 3
"""Of the trials that reach a rung, one in so many goes on, with so many times its epochs ahead."""

RUNGS = 3
"""Rungs that the pruners by name have at most; the first is then at 1/27 of the epochs."""

Pruner = Literal["none", "median", "halving", "hyperband"]


def as_pruner(given: Any, epochs: int) -> Any:
    """An Optuna pruner.

    Args:
        given: One, or a name of `PRUNERS`; `None` is "none".
        epochs: Of a trial, on which the rungs of those by name depend: the first is at 1/27 of
            them, but not before one epoch is done, and each next one at three times as many.

    Raises:
        InvalidInput: It is neither.
    """
    from optuna import pruners

    if isinstance(given, pruners.BasePruner):
        return given
    first = max(1, round(epochs / FACTOR**RUNGS))
    if given is None or given == "none":
        return pruners.NopPruner()
    if given == "median":
        return pruners.MedianPruner(n_warmup_steps=max(1, epochs // 10))
    if given == "halving":
        return pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=FACTOR)
    if given == "hyperband":
        return pruners.HyperbandPruner(
            first, max_resource=max(epochs, first), reduction_factor=FACTOR
        )
    if isinstance(given, str):
        raise InvalidInput(f"Unknown pruner {given!r}. {nearest(given, PRUNERS)}")
    raise InvalidInput(
        'pruner is a name, such as "hyperband", or an Optuna pruner. Write e.g. pruner='
        f"optuna.pruners.MedianPruner(). Received: {given!r}."
    )


def prunes(pruner: Any) -> bool:
    """Whether it may ever end a trial."""
    from optuna.pruners import NopPruner

    return not isinstance(pruner, NopPruner)


def notes(pruner: Any, *, epochs: int, trials: int) -> list[str]:
    """What to tell about a budget that is too small for the pruner to do anything."""
    from optuna.pruners import HyperbandPruner

    if not prunes(pruner):
        return []
    if epochs < 2:
        return ["trials have one epoch, so the pruner has nothing to end."]
    rungs = _with_rungs(pruner)
    if rungs is None:
        return []
    first, factor = rungs._min_resource, rungs._reduction_factor
    if isinstance(first, int) and first >= epochs:
        return [
            f"the pruner's first rung, {first} epochs, isn't below the {epochs} of a trial, so it "
            "ends none. Give a smaller min_resource."
        ]
    if trials < factor:
        return [f"{trials} trials are too few for the pruner, which keeps one in {factor}."]
    if isinstance(rungs, HyperbandPruner) and isinstance(first, int):
        brackets = math.floor(math.log(epochs / first, factor)) + 1
        if trials < factor**brackets:
            return [
                f"hyperband divides {trials} trials among {brackets} brackets, which is few for "
                'each. pruner="halving" has one.'
            ]
    return []


class Race:
    """Asks a pruner which trials go on.

    Args:
        study: The Optuna study, with its pruner.
    """

    def __init__(self, study: Any) -> None:
        self.study = study
        self._races = prunes(study.pruner)
        self._has_memory = _with_rungs(study.pruner) is not None

    def after(self, epoch: int, values: Mapping[Any, float], *, last: bool) -> set[int]:
        """Tell the pruner of an epoch of trials that run side by side, and ask it.

        Args:
            epoch: The epoch that is done, from 0.
            values: The objective of each (Optuna) trial; those that aren't finite aren't told.
            last: Whether it was the trials' last epoch: then nothing is left to end.

        Returns:
            The numbers of those that end.
        """
        finite = {trial: value for trial, value in values.items() if math.isfinite(value)}
        with warnings.catch_warnings():
            # A trial that a killed process had begun has reported this before.
            warnings.simplefilter("ignore", UserWarning)
            for trial, value in finite.items():
                trial.report(value, epoch + 1)
        if last or not self._races or not finite:
            return set()
        frozen = self.study.get_trials(deepcopy=False)
        asked = [_until(frozen[trial.number], epoch + 1) for trial in finite]
        if self._has_memory and len(asked) > 1:
            # A trial enters its rung when the pruner is asked for it. So it is asked for all once,
            # and its answers, given before it knew the others, are forgotten. Asked again for the
            # trials as they were before, it finds all of them in the rung. (And each finds itself
            # there too: of a number of rivals that is one short of a multiple of its factor, it
            # lets one more go on.)
            for trial in asked:
                self.study.pruner.prune(self.study, trial)
        return {trial.number for trial in asked if self.study.pruner.prune(self.study, trial)}


def _with_rungs(pruner: Any) -> Any:
    """The pruner, or the one that it wraps, that keeps a record of who reached which rung."""
    from optuna import pruners

    while isinstance(pruner, pruners.PatientPruner) and pruner._wrapped_pruner is not None:
        pruner = pruner._wrapped_pruner
    kinds = (pruners.SuccessiveHalvingPruner, pruners.HyperbandPruner)
    return pruner if isinstance(pruner, kinds) else None


def _until(frozen: Any, step: int) -> Any:
    """A trial as it was at a step: one that is trained again has reports of later ones."""
    if all(reported <= step for reported in frozen.intermediate_values):
        return frozen
    now = copy.copy(frozen)
    values = frozen.intermediate_values.items()
    now.intermediate_values = {reported: v for reported, v in values if reported <= step}
    return now
