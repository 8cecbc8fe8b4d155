"""Pruners by name, and what is known of Optuna's: whether they end trials, and at which rungs.

Successive halving: Jamieson & Talwalkar (2016), asynchronous as in Li et al., "A System for Massively
Parallel Hyperparameter Tuning" (2020). Hyperband: Li et al. (2018).
"""

import math
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
    rungs = with_rungs(pruner)
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


def with_rungs(pruner: Any) -> Any:
    """The pruner, or the one that it wraps, that keeps a record of who reached which rung."""
    from optuna import pruners

    while isinstance(pruner, pruners.PatientPruner) and pruner._wrapped_pruner is not None:
        pruner = pruner._wrapped_pruner
    kinds = (pruners.SuccessiveHalvingPruner, pruners.HyperbandPruner)
    return pruner if isinstance(pruner, kinds) else None


def may_end_at(pruner: Any, step: int) -> bool:
    """Whether the pruner has to be asked after a step: halving and Hyperband only at their rungs.

    Args:
        pruner: Optuna's.
        step: Epochs that are done.

    >>> [step for step in range(1, 28) if may_end_at(as_pruner("halving", 27), step)]
    [1, 3, 9, 27]
    """
    from optuna import pruners

    if type(pruner) not in (pruners.SuccessiveHalvingPruner, pruners.HyperbandPruner):
        return prunes(pruner)
    first, factor = pruner._min_resource, pruner._reduction_factor
    if first is None:  # it learns it from the first trials that are complete
        return True
    while first < step:
        first *= factor
    return first == step


def rungs_behind(pruner: Any, study: Any, frozen: Any, step: int) -> int:
    """How many rungs of `with_rungs(pruner)` lie below a step, for one of Optuna's trials.

    Args:
        pruner: With rungs.
        study: The Optuna study, by whose name Hyperband divides trials among brackets.
        frozen: The trial.
        step: Epochs that are done.
    """
    from optuna import pruners

    if isinstance(pruner, pruners.HyperbandPruner):
        if not pruner._pruners:
            pruner._try_initialization(study)
        if not pruner._pruners:  # it learns how many brackets there are from the first trials
            return 0
        pruner = pruner._pruners[pruner._get_bracket_id(study, frozen)]
    if pruner._min_resource is None:
        return 0
    factor = pruner._reduction_factor
    resource, count = pruner._min_resource * factor**pruner._min_early_stopping_rate, 0
    while resource < step:
        resource, count = resource * factor, count + 1
    return count
