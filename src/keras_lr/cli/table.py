"""A CSV file as arrays: numeric features, one target column, labels as integer codes."""

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from keras_lr.errors import InvalidInput, nearest

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def read_csv(
    path: str | Path, target: str, say: Callable[[str], None] = print
) -> tuple[np.ndarray, np.ndarray]:
    """Features and target of a CSV file with a header line.

    Args:
        path: The file; columns apart by comma, semicolon or tab.
        target: The name of the target's column.
        say: Told in one line what text labels became.

    Returns:
        x: float32, shape `(rows, features)`; y: shape `(rows,)`, int64 where every value is whole
        or a label, otherwise float32.
    """
    path = Path(path)
    header, rows = _read(path)
    if target not in header:
        raise InvalidInput(
            f"{path} has no column {target!r}. {nearest(target, header)} "
            f"Received: --target {target}"
        )
    at = header.index(target)
    features = [i for i in range(len(header)) if i != at]
    if not features:
        raise InvalidInput(f"{path} has no column beside the target {target!r}.")
    columns = [_numbers(path, header[i], [row[i] for row in rows]) for i in features]
    return np.stack(columns, axis=1), _target(path, target, [row[at] for row in rows], say)


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            separator = max(",;\t", key=first.count)
            file.seek(0)
            lines = [row for row in csv.reader(file, delimiter=separator, strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidInput(
            f"{path} can't be read as CSV ({error}). Save it as UTF-8 text."
        ) from error
    except OSError as error:
        raise InvalidInput(f"{path} can't be read ({error.strerror}).") from error
    if len(lines) < 2:
        raise InvalidInput(f"{path} needs a header line and rows. Received: {len(lines)} line(s).")
    header, rows = [name.strip() for name in lines[0]], lines[1:]
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InvalidInput(f"{path} has two columns named {twice[0]!r}. Give each its own name.")
    for number, row in enumerate(rows, start=1):
        bad = next((i for i, cell in enumerate(row) if _CONTROL.search(cell.strip())), None)
        if bad is not None:
            name = header[bad] if bad < len(header) else str(bad + 1)
            raise InvalidInput(
                f"Column {name!r} of {path} holds a control character in row {number}: "
                f"{row[bad][:40]!r}. Save the file as plain text."
            )
        if len(row) != len(header):
            raise InvalidInput(
                f"Row {number} of {path} has {len(row)} cells, its header {len(header)}."
            )
    return header, rows


def _numbers(path: Path, name: str, cells: Sequence[str]) -> np.ndarray:
    try:
        values = np.array(cells, dtype=np.float64)
    except ValueError:
        values = None
    if values is not None and np.isfinite(values).all():
        return _single(path, name, values)
    row, cell = next((i, c) for i, c in enumerate(cells, start=1) if not _finite(c))
    if not cell.strip():
        raise InvalidInput(
            f"Column {name!r} of {path} has an empty cell in row {row}. Fill it, or drop the row."
        )
    raise InvalidInput(
        f"Column {name!r} of {path} isn't numeric: {cell!r} in row {row}. "
        "Encode it as numbers, or drop the column."
    )


def _target(path: Path, name: str, cells: Sequence[str], say: Callable[[str], None]) -> np.ndarray:
    if any(not cell.strip() for cell in cells):
        row = next(i for i, cell in enumerate(cells, start=1) if not cell.strip())
        raise InvalidInput(f"The target {name!r} of {path} is empty in row {row}.")
    if all(_finite(cell) for cell in cells):
        values = np.array(cells, dtype=np.float64)
        whole = bool((values == np.round(values)).all()) and float(np.abs(values).max()) < 2**31
        return values.astype(np.int64) if whole else _single(path, name, values)
    labels, codes = np.unique([cell.strip() for cell in cells], return_inverse=True)
    if len(labels) > max(2, 0.8 * len(cells)):
        raise InvalidInput(
            f"The target {name!r} of {path} is neither numbers nor class labels: "
            f"{len(labels)} different texts in {len(cells)} rows."
        )
    shown = ", ".join(f"{label}={code}" for code, label in enumerate(labels[:10]))
    say(f"labels of {name!r} as codes: {shown}{', ...' if len(labels) > 10 else ''}")
    return codes.astype(np.int64)


def _single(path: Path, name: str, values: np.ndarray) -> np.ndarray:
    """The values as float32, which has to have room for them."""
    limit = float(np.finfo(np.float32).max)
    if (beyond := np.abs(values) > limit).any():
        row = int(np.argmax(beyond))
        raise InvalidInput(
            f"Column {name!r} of {path} holds {values[row]:g} in row {row + 1}, and training in "
            f"float32 has room for ±{limit:.1e}. Scale the column, or drop the row."
        )
    return values.astype(np.float32)


def _finite(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False
