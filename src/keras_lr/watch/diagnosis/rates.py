"""The rate of a run at the places where its loss is judged."""

from collections.abc import Iterable

import numpy as np

from keras_lr.state.curve_names import rate_of, rates_of
from keras_lr.watch.run import Run


def rate_names(names: Iterable[str]) -> list[str]:
    """The rate, or those of groups where there is none of all.

    Args:
        names: What a run has.
    """
    known = list(names)
    rate = rate_of(known)
    return rates_of(known) if rate is None else [rate]


def rates_of_epochs(run: Run, at: np.ndarray) -> np.ndarray | None:
    """The rate of each epoch; where one has none, that of the epoch before.

    Args:
        run: Where it was logged; of several groups the highest counts.
        at: The epochs, the first is 1.
    """
    columns = []
    for name in rate_names(run.history):
        points = {epoch + 1: value for epoch, value in run.logged(name)}
        columns.append([points.get(int(place), np.nan) for place in at])
    return _highest(columns)


def rates_at(run: Run, at: np.ndarray) -> np.ndarray | None:
    """The rate at updates; where it was logged at epochs alone, that of the epoch they are in.

    Args:
        run: Where it was logged; of several groups the highest counts.
        at: Updates done.
    """
    columns = []
    for name in rate_names(run.steps):
        curve = run.steps[name]
        last = np.searchsorted(np.asarray(curve.steps, float), at, side="right") - 1
        values = np.asarray(curve.values, float)
        columns.append([values[i] if i >= 0 else np.nan for i in last])
    if columns or not run.epochs:
        return _highest(columns)
    per_epoch = run.steps_per_epoch or at[-1] / run.epochs
    epochs = np.ceil(at / per_epoch)
    return rates_of_epochs(run, np.clip(epochs, 1, run.epochs) + run.first_epoch)


def _highest(columns: list[list[float]]) -> np.ndarray | None:
    if not columns:
        return None
    found = np.array(columns, float)
    if not np.isfinite(found).any():
        return None
    rates = np.where(np.isfinite(found), found, -np.inf).max(axis=0)
    for index in range(1, len(rates)):
        if rates[index] == -np.inf:
            rates[index] = rates[index - 1]
    first = rates[np.isfinite(rates)][0]
    rates = np.where(rates == -np.inf, first, rates)
    return rates if rates.max() >= 0 else None
