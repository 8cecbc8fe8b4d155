"""How a study's SQLite file is written: with a log ahead of it, where that is safe.

SQLite's own way waits for the disk several times at each write, and makes readers wait. With
`journal_mode=WAL` and `synchronous=NORMAL` a write is appended to a second file (`study.db-wal`) and
handed to the system, which brings it to the disk by itself. A process that is killed then loses
nothing that was written; a machine that loses its power may lose the last moments, and the file is
sound all the same. (https://www.sqlite.org/wal.html)

The log needs memory that all its processes share, so they have to run on one machine: files on a
network's file system, or on one that we don't know, are written in SQLite's own way.
"""

import contextlib
import os
import re
import sqlite3
from pathlib import Path
from typing import Any

LOCAL = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
"""File systems of which all users are on one machine."""

_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(rb"\\([0-3][0-7]{2})")


def write_ahead(storage: Any, path: Path) -> None:
    """Have connections of a storage from here on write ahead, where the file is on this machine.

    A file that was written so and has moved to where that isn't safe goes back to SQLite's own way.

    Args:
        storage: Optuna's, of this file.
        path: The file.
    """
    from sqlalchemy import event

    mode = "WAL" if is_local(path) else "DELETE"

    def connected(connection: sqlite3.Connection, _: Any) -> None:
        # Another process may hold the file just now; then it decides, or the next connection does.
        with contextlib.suppress(sqlite3.OperationalError):
            (found,) = connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
            if found.upper() == "WAL":
                connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(storage.engine, "connect", connected)
    storage.engine.dispose()  # connections that are open already know nothing of it


def is_local(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether a file is on a file system of this machine alone, as far as is known.

    Args:
        path: The file, or where it will be.
        mounts: What the system has mounted where; `False` where it doesn't tell.
    """
    try:
        lines = mounts.read_bytes().split(b"\n")
    except OSError:
        return False
    place, kind = path.resolve(), b""
    longest = -1
    for line in filter(None, lines):
        _, at, name, *_ = line.split(b" ")
        # A space is written as \040; all other bytes are a file name's as they are.
        folder = Path(os.fsdecode(_ESCAPED.sub(lambda code: bytes([int(code[1], 8)]), at)))
        if place.is_relative_to(folder) and len(folder.parts) >= longest:
            longest, kind = len(folder.parts), name
    return os.fsdecode(kind) in LOCAL
