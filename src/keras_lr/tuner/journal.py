"""A study in Optuna's journal: a file that is only ever appended to.

Optuna's own locks are files that somebody has to remove. A process that is killed can't, and the
next one waits for half a minute. The lock here is the system's, which ends with the process. And a
line that a killed process wrote by half is cut off before the next is written: Optuna would append
to it, and couldn't read the study any more.
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput


def open_journal(path: Path) -> Any:
    """Optuna's storage in a journal file.

    Args:
        path: The file; made if it isn't there.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    return JournalStorage(JournalFileBackend(str(path), lock_obj=_lock(path)))


def check_journal(path: Path) -> None:
    """Refuse a file that is there and is no journal of Optuna's.

    Raises:
        InvalidInput: It holds something else; it was left as it is.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    received = f"Received: storage={str(path)!r}."
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20)
    except OSError as error:
        raise InvalidInput(f"The storage can't be read ({error.strerror}). {received}") from error
    with contextlib.suppress(ValueError):
        if "op_code" in json.loads(line):
            return
    raise InvalidInput(
        "The storage can't be opened: the file is no journal of Optuna's. Give a file that tune() "
        f"wrote, a name that is free, or one that ends in .db for SQLite. {received}"
    )


def _lock(path: Path) -> Any:
    """A lock of the system; where it has none, Optuna's own."""
    from optuna.storages.journal import JournalFileOpenLock

    try:
        import fcntl

        path.touch()
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)  # there are file systems that refuse
    except (ImportError, OSError):
        return JournalFileOpenLock(str(path))
    return _system_lock(path, fcntl)


def _system_lock(path: Path, fcntl: Any) -> Any:
    from optuna.storages.journal._file import BaseJournalFileLock

    class SystemLock(BaseJournalFileLock):
        """A lock on the journal itself, which the kernel lifts however the process ends."""

        def __init__(self) -> None:
            self._file: int | None = None

        def acquire(self) -> bool:
            """Wait for it, and leave the journal ending with a whole line."""
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                cut_torn_line(path)
            except BaseException:
                os.close(file)
                raise
            self._file = file
            return True

        def release(self) -> None:
            """Lift it."""
            if self._file is not None:
                os.close(self._file)
                self._file = None

    return SystemLock()


def cut_torn_line(path: Path, piece: int = 1 << 16) -> None:
    """Cut off a last line that has no end: whoever wrote it was killed.

    Args:
        path: The journal; nobody else may write to it now.
        piece: Bytes that are read at a time, from the end.
    """
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        at = end
        while at > 0:
            start = max(0, at - piece)
            file.seek(start)
            found = file.read(at - start).rfind(b"\n")
            if found >= 0:
                at = start + found + 1
                break
            at = start
        if at < end:
            file.truncate(at)
