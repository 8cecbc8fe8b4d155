"""Runs beside each other: by which loss they are compared, and which came lowest."""

import math
from collections.abc import Sequence

from keras_lr.watch.run.axis import last_value, points
from keras_lr.watch.run.run import Run


def compared_losses(runs: Sequence[Run]) -> list[str | None]:
    """The loss by which each run is compared, by its own name for it; `None` where it has none.

    That of the validation if all have one, else that of the training, else one that all share.
    """
    validation, training = ([run.validation_loss for run in runs], [run.loss for run in runs])
    shared = set.intersection(*(set(run.losses) for run in runs))
    if all(validation):
        return validation
    if shared and not all(training):
        return [min(shared)] * len(runs)
    return training if any(training) else [min(run.losses, default=None) for run in runs]


def lowest_losses(runs: Sequence[Run], names: Sequence[str | None]) -> list[float | None]:
    """How low each run came; infinity where it ended as no number, `None` where it has no loss.

    Args:
        runs: The runs.
        names: As `compared_losses` gives them.
    """
    found: list[float | None] = []
    for run, name in zip(runs, names, strict=True):
        values = [] if name is None else [value for _, value in points(run, name)]
        if name is None or not values:
            found.append(None)
        elif math.isfinite(last_value(run, name)):
            found.append(min(filter(math.isfinite, values)))
        else:
            found.append(math.inf)
    return found


def by_rank(lowest: Sequence[float | None]) -> list[int]:
    """The places of runs from the best on: those that ended as no number, then those unknown, last.

    >>> by_rank([None, 0.5, math.inf, 0.2])
    [3, 1, 2, 0]
    """
    return sorted(
        range(len(lowest)),
        key=lambda at: (lowest[at] is None, math.inf if lowest[at] is None else lowest[at]),
    )


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """The runs' names, with a number where several have the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]
