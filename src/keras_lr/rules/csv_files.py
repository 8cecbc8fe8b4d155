"""The file of a `CSVLogger`, or of anything that writes a row an epoch or update, as a table."""

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from keras_lr.errors import InvalidInput
from keras_lr.rules.logs import ABSENT, Table, Unit, make_table
from keras_lr.state.rows import is_numeric

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+(e[+-]?\d+)?\s*", re.IGNORECASE)


def read_csv(path: Path, rows: Unit | None = None) -> Table:
    """A CSV file with a header, its cells apart by commas, semicolons or tabs.

    A last line without an end was cut off by a crash, perhaps inside a number, or is being written
    now: it is left out, with a warning.

    Args:
        path: The file.
        rows: What a row is, where the header doesn't say.

    Raises:
        InvalidInput: It is none, or has nothing in it.
    """
    text = _text(path)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        lines = [line for line in csv.reader(text.splitlines(), delimiter=separator) if line]
    except csv.Error as error:
        raise InvalidInput(f"{path.name} is no CSV file: {error}.") from None
    if not lines:
        raise InvalidInput(f"{path.name} is empty: nothing was logged.")
    header, *body = lines
    names = [name.strip() for name in header]
    if "" in names or any(is_numeric(name) for name in names) or len(set(names)) < len(names):
        raise InvalidInput(
            f"{path.name} must begin with the names of its columns, such as epoch,loss,val_loss, "
            f"each once: write them above the first row. Received: {first.strip()[:80]!r}."
        )
    for line, cells in enumerate(body, start=2):
        if len(cells) != len(names) == 1:
            raise InvalidInput(
                f"{path.name} is no CSV file: its first line names one column, and line {line} has "
                f"{len(cells)} cells. A log is a table with a header, as keras.callbacks.CSVLogger "
                f"writes it. Received: {first.strip()[:80]!r}."
            )
        if len(cells) != len(names):
            advice = " (cut off? then delete it)" if line == len(lines) else ""
            raise InvalidInput(
                f"{path.name}, line {line}{advice}: {len(cells)} cells for {len(names)} columns."
            )
    columns = {name: [cells[i] for cells in body] for i, name in enumerate(names)}
    for name, cells in columns.items():
        _check_points(path, name, cells)
    return make_table(columns, path.name, rows, first_line=2)


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput(
            f"{path.name} is no text in UTF-8. A log is a CSV file with a header, as "
            "keras.callbacks.CSVLogger writes it, a run record (.jsonl), or a TensorBoard folder."
        ) from None
    except OSError as error:
        raise InvalidInput(f"{path.name} can't be read: {error}") from error
    whole, end, last = text.rpartition("\n")
    if end and last.strip():
        warnings.warn(
            f"{path.name}: the last line has no end, as a crash leaves it, and is left out: "
            f"{last[:60]!r}. If it is whole, end it with a new line.",
            stacklevel=2,
        )
        return whole + end
    return text


def _check_points(path: Path, name: str, cells: Sequence[str]) -> None:
    """Refuse a column of numbers with decimal commas, which would count as one of words."""
    there = [cell for cell in cells if cell.strip() not in ABSENT]
    if there and all(_DECIMAL_COMMA.fullmatch(cell) or is_numeric(cell) for cell in there):
        found = next((cell for cell in there if _DECIMAL_COMMA.fullmatch(cell)), None)
        if found is not None:
            raise InvalidInput(
                f"{path.name} has decimal commas, and numbers here have points. Write it with "
                f"points, e.g. {found.strip().replace(',', '.')}. Received: {found!r} as {name}."
            )
