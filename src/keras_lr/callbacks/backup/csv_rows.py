"""The rows of a `CSVLogger` at a backup: what was written since is written again, and nothing else cut."""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from typing import Any

from keras_lr.callbacks.warning import warn


def rows_of(logger: Any) -> dict[str, Any] | None:
    """Which file a logger writes, how long it is, and a digest of it; `None` of a remote one."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        logger.csv_file.flush()
    try:
        size = os.path.getsize(logger.filename)
        return {"path": _path(logger), "size": size, "digest": _digest(logger.filename, size)}
    except OSError:
        return None


def prepare_csv(logger: Any, rows: Mapping[str, Any] | None) -> None:
    """Before a `CSVLogger` opens its file: cut it to the rows of the backup, and have it append.

    A file is only cut behind the very rows that were there at the backup. Any other is left as it
    is: one at another path to the logger, as it was given; one at the same path to be appended to.

    Args:
        logger: The logger.
        rows: What `rows_of` gave.
    """
    if rows is None:
        return
    path, size = _path(logger), rows["size"]
    try:
        present = os.path.getsize(path)
        same = present >= size and _digest(path, size) == rows["digest"]
    except OSError:
        present, same = 0, size == 0
    # A folder that was moved with all in it is known by what is in the file, if there is something.
    if path != rows["path"] and not (same and size):
        warn(
            f"At the backup, CSVLogger wrote {rows['path']}, and now it writes {path}: the rows from "
            "before stay where they are."
        )
        return
    if not same:
        what = "lacks rows that were" if present < size else "has other rows than those"
        warn(f"{path} {what} written before the backup; CSVLogger goes on behind what is there.")
    elif present > size:
        os.truncate(path, size)
    logger.append = True


def _path(logger: Any) -> str:
    return os.path.realpath(os.fspath(logger.filename))


def _digest(path: str, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(size)).hexdigest()
