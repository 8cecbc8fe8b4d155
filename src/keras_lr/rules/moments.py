"""What rules would have been shown in the course of a run that logged this."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rules.logs import Log, Table
from keras_lr.state.curve_names import rate_of

Kind = Literal["update", "look", "end"]
"""Each update; every so many updates; the end of an epoch. In this order at the same time."""


@dataclass(frozen=True)
class LoggedMoment:
    """One time at which rules look, as the log has it.

    Args:
        time: By which the looks of several rules are put in order.
        epoch: The running epoch, from 0; 0 where the log has no epochs.
        step: Updates done, or `None` where it isn't known.
        values: What was logged.
        rate: The rate that was logged, or `None`.
    """

    time: float
    epoch: int
    step: int | None
    values: Mapping[str, float]
    rate: float | None


@dataclass(frozen=True)
class Stream:
    """All moments of one kind.

    Args:
        kind: What they are.
        every: Of looks, the updates between two.
        rated: Whether the rate is known at each.
        moments: In the order of time; they can be gone through once.
    """

    kind: Kind
    every: int | None
    rated: bool
    moments: Iterator[LoggedMoment] = field(compare=False)


def ends(log: Log, needed: Sequence[str], per_epoch: float | None) -> Stream:
    """The ends of epochs: rows of a log of epochs, or means over those of a log of updates."""
    if log.epochs is not None:
        columns = _columns(log.epochs, needed)
        return Stream("end", None, _rated(log.epochs), _rows(log.epochs, columns, per_epoch))
    table = _steps(log, f"{needed[0]!r} is looked at at epochs' ends")
    if per_epoch is None:
        raise InvalidInput(
            f"{table.source} has a row an update, and a rule looks at epochs' ends. Write "
            "replay(..., steps_per_epoch=N), or give the rule every=N."
        )
    columns = _columns(table, needed)
    marks = np.rint(np.arange(1, int(table.at[-1] / per_epoch + 1e-9) + 1) * per_epoch)
    moments = _means(table, columns, marks.astype(np.int64), per_epoch)
    return Stream("end", None, _rated(table), moments)


def looks(log: Log, needed: Sequence[str], every: int, per_epoch: float | None) -> Stream:
    """A look every so many updates, at the means since the last one."""
    table = _steps(log, f"{needed[0]!r} is looked at every {every} updates")
    apart = int(np.median(np.diff([0, *table.at])))
    if apart > every:
        raise InvalidInput(
            f"{table.source} has a row each {apart} updates, and a rule looks each {every}. "
            f"Write every={apart}, or a multiple of it, to see what that would have done."
        )
    columns = _columns(table, needed)
    marks = np.arange(every, table.at[-1] + 1, every)
    return Stream("look", every, _rated(table), _means(table, columns, marks, per_epoch))


def updates(log: Log, name: str, monitor: str, per_epoch: float | None) -> Stream:
    """Each update, for a rule that is decided inside the compiled step."""
    table = _steps(log, f"{name} is decided at each update")
    columns = {monitor: table.numbers(monitor)}
    if table.at != tuple(range(1, len(table.at) + 1)) or None in columns[monitor]:
        raise InvalidInput(
            f"{name} is decided at each update: it needs a row an update, from the first on, each "
            f"with {monitor!r}. {table.source} hasn't got them all."
        )
    return Stream("update", None, _rated(table), _rows(table, columns, per_epoch))


def _steps(log: Log, why: str) -> Table:
    if log.steps is not None:
        return log.steps
    raise InvalidInput(
        f"{why}, and {log.source} has epochs only. Log it between them too: a CSV file with a "
        'column "step", or keras.callbacks.TensorBoard(update_freq=1); or write '
        "replay(..., rows='step') if each row is an update."
    )


def _columns(table: Table, needed: Sequence[str]) -> dict[str, list[float | None]]:
    for name in needed:
        table.numbers(name)
    return table.all_numbers(set(needed))


def _rate_name(table: Table) -> str | None:
    return rate_of(table.columns)


def _rated(table: Table) -> bool:
    name = _rate_name(table)
    rates: list[Any] = [None] if name is None else table.numbers(name)
    return all(rate is not None and 0 <= rate < np.inf for rate in rates)


def _rows(
    table: Table, columns: Mapping[str, list[float | None]], per_epoch: float | None
) -> Iterator[LoggedMoment]:
    name = _rate_name(table)
    rates = [None] * len(table.at) if name is None else table.numbers(name)
    for row, values in enumerate(zip(*columns.values(), strict=True)):
        shown = {n: v for n, v in zip(columns, values, strict=True) if v is not None}
        at = table.at[row]
        if table.unit == "step":
            yield LoggedMoment(at, _epoch(at, per_epoch), at, shown, rates[row])
            continue
        step = None if per_epoch is None else round((at + 1) * per_epoch)
        yield LoggedMoment(row if step is None else step, at, step, shown, rates[row])


def _means(
    table: Table,
    columns: Mapping[str, list[float | None]],
    marks: np.ndarray,
    per_epoch: float | None,
) -> Iterator[LoggedMoment]:
    """The means over the updates up to each mark since the one before."""
    stops = np.searchsorted(table.at, marks, side="right")
    starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)
    means = {name: _chunk_means(values, starts, stops) for name, values in columns.items()}
    name = _rate_name(table)
    rates = [None] * len(table.at) if name is None else table.numbers(name)
    for index, (start, stop, mark) in enumerate(zip(starts, stops, marks, strict=True)):
        shown = {n: float(m[index]) for n, (m, there) in means.items() if there[index]}
        if stop > start:
            step = int(mark)
            yield LoggedMoment(step, _epoch(step, per_epoch), step, shown, rates[stop - 1])


def _chunk_means(
    values: list[float | None], starts: np.ndarray, stops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The mean over each range of rows, NaN where one is, and whether it has a value at all."""
    there = np.array([value is not None for value in values])
    numbers = np.array([0.0 if value is None else value for value in values], np.float64)
    means, found = np.zeros(len(starts)), np.zeros(len(starts), bool)
    for index, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        chosen = numbers[start:stop][there[start:stop]]
        found[index] = chosen.size > 0
        if chosen.size:
            with np.errstate(invalid="ignore", over="ignore"):  # inf − inf is a NaN, and meant
                means[index] = chosen.mean()
    return means, found


def _epoch(step: int, per_epoch: float | None) -> int:
    return 0 if per_epoch is None else int((step - 1) / per_epoch)
