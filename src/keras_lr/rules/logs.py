"""What a finished run logged, as tables: a History, a dictionary, a CSV file, or event files."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from keras_lr.errors import InvalidInput, nearest
from keras_lr.state.rows import Rows, columns, is_numeric
from keras_lr.state.run_lines import read_runs

RECORDS = (".jsonl", ".ndjson")
"""How the names of run records end."""

_EPOCHS = ("epoch",)
_STEPS = ("step", "iteration", "update")
ABSENT = ("", "NA", "None", "null")
"""Cells without a value; with `NA` `CSVLogger` marks a metric that an epoch hasn't."""

Unit = Literal["epoch", "step"]


@dataclass(frozen=True)
class Table:
    """Columns of values, a row for each epoch or for some updates.

    Args:
        unit: What a row is.
        at: Of each row its epoch (the first is 0), or the updates done (after the first, 1).
        columns: Name to one value a row; what is no number yet, or absent, too.
        source: Where it comes from, for errors.
        first_line: The line of the first row, where it is a file with lines.
    """

    unit: Unit
    at: tuple[int, ...]
    columns: Mapping[str, Sequence[Any]]
    source: str
    first_line: int | None = None

    def numbers(self, name: str) -> list[float | None]:
        """A column; `None` where the log says that the row hasn't got it.

        Raises:
            InvalidInput: There is no such column, or something in it is no number.
        """
        if name not in self.columns:
            raise InvalidInput(
                f"{self.source} has no {name!r} for each {self.unit}. {nearest(name, self.columns)}"
            )
        return [self._number(name, row, value) for row, value in enumerate(self.columns[name])]

    def all_numbers(self, needed: set[str]) -> dict[str, list[float | None]]:
        """Every column of numbers, which is one that begins with a number.

        Args:
            needed: Those that have to be.

        Raises:
            InvalidInput: Something in such a column is no number.
        """
        begins = {name: self._first(values) for name, values in self.columns.items()}
        return {
            name: self.numbers(name)
            for name in self.columns
            if name in needed or begins[name] is None or is_numeric(begins[name])
        }

    def _first(self, values: Sequence[Any]) -> Any:
        """The first value that is there."""
        return next((value for value in values if not _is_absent(value)), None)

    def _number(self, name: str, row: int, value: Any) -> float | None:
        if _is_absent(value):
            return None
        try:
            return float(value)
        except (TypeError, ValueError):
            place = f"row {row + 1}" if self.first_line is None else f"line {row + self.first_line}"
            raise InvalidInput(
                f"{self.source}, {place}: {name} must be a number. Received: {value!r}. "
                "Write None, or leave the cell empty, where there is none."
            ) from None


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip() in ABSENT)


@dataclass(frozen=True)
class Log:
    """The tables of a run.

    Args:
        source: Where they come from, in words.
        epochs: A row an epoch, if the run logged that.
        steps: A row for some or all updates, if the run logged that.
    """

    source: str
    epochs: Table | None = None
    steps: Table | None = None

    @classmethod
    def of(cls, *tables: Table) -> "Log":
        """A log of tables of different units."""
        return cls(tables[0].source, **{f"{table.unit}s": table for table in tables})


def read_log(history: Any, rows: Unit | None = None) -> Log:
    """The log of a finished run.

    Args:
        history: A Keras `History` (what `fit` returns), a mapping of names to values, the path of a
            CSV file or of a run record, or that of a TensorBoard folder or event file.
        rows: What a row is, where the log doesn't say.

    Raises:
        InvalidInput: It can't be read, or has nothing in it.
        MissingExtra: It is a TensorBoard log, and the `tensorboard` package isn't installed.
    """
    if rows not in (None, "epoch", "step"):
        raise InvalidInput(f"rows must be 'epoch' or 'step'. Received: rows={rows!r}.")
    if isinstance(history, str | os.PathLike):
        path = Path(history)
        if not path.exists():
            raise InvalidInput(f"There is no file or folder {str(path)!r} to replay.")
        if path.suffix.lower() in RECORDS and path.is_file():
            return _recorded(path)
        if path.is_dir() or "tfevents" in path.name:
            from keras_lr.rules.event_files import read_event_files

            return read_event_files(path, rows)
        from keras_lr.rules.csv_files import read_csv

        return Log.of(read_csv(path, rows))
    columns = history if isinstance(history, Mapping) else getattr(history, "history", None)
    if not isinstance(columns, Mapping):
        if hasattr(history, "events"):
            raise InvalidInput(
                "A RunRecord holds what happened to the rate, not the metrics that rules look at. "
                "Write replay(rule, model.history, steps_per_epoch=record.steps_per_epoch)."
            )
        raise InvalidInput(
            "A replay needs what fit returned (history = model.fit(...)), a dictionary of lists, "
            f"or the path of a CSV file or a TensorBoard log. Received: {history!r}."
        )
    epochs = None if isinstance(history, Mapping) else getattr(history, "epoch", None)
    named = {str(name): _listed(name, values) for name, values in columns.items()}
    return Log.of(make_table(named, "the history", rows, epochs=epochs))


def make_table(
    columns: Mapping[str, Sequence[Any]],
    source: str,
    rows: Unit | None,
    *,
    epochs: Sequence[int] | None = None,
    first_line: int | None = None,
) -> Table:
    """Columns of equal length as a table, its rows placed by a column "epoch" or "step".

    Epochs that begin at 1 are counted from there, as people do: Keras's own begin at 0. (Those of a
    `CSVLogger` in `fit(initial_epoch=1)` look the same, and are told one too low.)
    """
    longest = max((len(values) for values in columns.values()), default=0)
    if not longest:
        raise InvalidInput(f"Nothing was logged: {source} has no row.")
    for name, values in columns.items():
        if len(values) != longest:
            raise InvalidInput(
                f"{source} has {len(values)} values of {name} and {longest} of another column. "
                "Write None for each row without one (with validation_freq, all epochs between)."
            )
    places = {name.strip().lower(): name for name in columns}
    by_step = next((places[name] for name in _STEPS if name in places), None)
    by_epoch = next((places[name] for name in _EPOCHS if name in places), None)
    unit: Unit = rows or ("step" if by_step is not None else "epoch")
    place = by_step if unit == "step" else by_epoch
    rest = {name: values for name, values in columns.items() if name not in (by_step, by_epoch)}
    table = Table(unit, (), rest, source, first_line)
    if place is not None:
        whole = Table(unit, (), columns, source, first_line)
        at = _places(whole, place)
    elif unit == "epoch" and epochs is not None and len(epochs) == longest:
        at = tuple(int(epoch) for epoch in epochs)
    else:
        at = tuple(range(1, longest + 1) if unit == "step" else range(longest))
    if not rest:
        raise InvalidInput(f"{source} has no column of values beside {place!r}.")
    return Table(unit, at, table.columns, source, first_line)


def _recorded(path: Path) -> Log:
    """The last run of a record."""
    run = read_runs(path)[-1]
    kinds: dict[Unit, Rows] = {"epoch": run.epochs, "step": run.steps}
    tables = []
    for unit, rows in kinds.items():
        at = tuple(sorted(rows))
        if found := columns(rows, at):
            tables.append(Table(unit, at, found, path.name))
    if not tables:
        raise InvalidInput(f"{path.name} has no values yet.")
    return Log.of(*tables)


def _places(table: Table, name: str) -> tuple[int, ...]:
    numbers = table.numbers(name)
    odd = next((at for at in numbers if at is None or not at >= 0 or at % 1), 0)
    if odd != 0:
        parts = odd is not None and odd >= 0 and table.unit == "epoch"
        advice = " Where a row is one of some updates, write rows='step'." if parts else ""
        raise InvalidInput(
            f"{table.source}: each {name} must be a whole number, at least 0.{advice} "
            f"Received: {'none' if odd is None else format(odd, 'g')}."
        )
    at = [int(number) for number in numbers if number is not None]
    if table.unit == "step":
        for row, (before, after) in enumerate(itertools.pairwise(at), start=2):
            if after <= before:
                raise InvalidInput(
                    f"{table.source}: the {name}s of one run must rise. Received: {after} after "
                    f"{before}, in row {row}. Replay each run by itself."
                )
        at = [step + (at[0] == 0) for step in at]  # the update itself was counted, from 0
    elif min(at, default=0) == 1:
        at = [epoch - 1 for epoch in at]
    return tuple(at)


def _listed(name: object, values: Any) -> list[Any]:
    try:
        if isinstance(values, str):
            raise TypeError
        return list(values)
    except TypeError:
        raise InvalidInput(
            f"Each metric needs its values, one a row. Received: {name}={values!r}. "
            f'Write e.g. {{"{name}": [0.9, 0.5]}}.'
        ) from None
