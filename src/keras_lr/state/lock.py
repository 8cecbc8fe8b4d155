"""One run a folder: a lock that the system lifts when its process ends, however it ends."""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from keras_lr.errors import InvalidInput

_HELD: dict[str, "Lock"] = {}
"""The locks of this process: a fit that was interrupted told nobody, and the next one takes over."""


class Lock:
    """A lock file.

    Args:
        path: The file; it is removed with the lock.
        busy: Says whether the run that holds it goes on; for later runs of this process.
    """

    def __init__(self, path: Path, busy: Callable[[], bool] = lambda: True) -> None:
        self.path = path
        self.busy = busy
        self._file: int | None = None

    def acquire(self, busy: Callable[[], bool] | None = None) -> None:
        """Take it, also from an earlier run of this process that is over.

        Args:
            busy: The same as of the class, of the run that takes it now. (One lock may serve several
                runs, and the one before is asked by what it gave.)

        Raises:
            InvalidInput: A run that is alive holds it.
        """
        key = os.path.realpath(self.path)
        earlier = _HELD.get(key)
        if earlier is not None:
            if earlier.busy():
                self._refuse()
            earlier.release()
        while True:
            opened = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock(opened)
            except OSError as problem:
                os.close(opened)
                if problem.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                    self._refuse()
                return  # a file system that knows no locks
            if _is_at(opened, self.path):
                break
            os.close(opened)  # whoever held it has removed the file in the meantime
        self._file = opened
        self.busy = busy or self.busy
        _HELD[key] = self

    def release(self) -> None:
        """Lift it, and remove the file."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._file)
        self._file = None
        _HELD.pop(os.path.realpath(self.path), None)

    def _refuse(self) -> NoReturn:
        raise InvalidInput(
            "Another run that is alive keeps its backups in this folder. Give each run a folder "
            f"of its own. Received: {str(self.path.parent)!r}."
        )


def _is_at(opened: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(opened: int) -> None:
    fcntl: Any
    try:
        import fcntl
    except ImportError:
        import msvcrt

        locking: Any = msvcrt
        locking.locking(opened, locking.LK_NBLCK, 1)
    else:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
