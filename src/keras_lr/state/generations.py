"""The last few states of one run in a folder of their own."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_lr.errors import BrokenFile
from keras_lr.state.archive import read, write
from keras_lr.state.lock import Lock

_NAME = re.compile(r"backup-(\d+)\.state")
_LEFTOVER = re.compile(r"backup-\d+\.state\.\d+\.tmp")


class Generations:
    """Numbered files of states, of which the last few are kept.

    Args:
        folder: Where; made with the first state.
        keep: How many are kept, at least 1.
        busy: Says whether the run that they are of goes on; by default it does until `close`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        keep: int = 2,
        busy: Callable[[], bool] = lambda: True,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.keep = keep
        self._lock = Lock(self.folder / "backup.lock", busy)

    def open(self, busy: Callable[[], bool] | None = None) -> None:
        """Claim the folder for this run, and clear away what a killed one left half-written.

        Args:
            busy: Says whether this run goes on; by default what the class was given.

        Raises:
            InvalidInput: Another run that is alive uses it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock.acquire(busy)
        for path in self.folder.iterdir():
            if _LEFTOVER.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    path.unlink()

    def close(self, *, delete: bool = False) -> None:
        """Give the folder free.

        Args:
            delete: Delete the states first, and the folder if nothing else is in it.
        """
        if delete:
            for path in self._paths():
                with contextlib.suppress(OSError):
                    path.unlink()
        self._lock.release()
        if delete:
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    def save(self, state: Any) -> None:
        """Write the next generation, then delete those that are no longer kept.

        Raises:
            OSError: The disk refused; the generations before are as they were.
        """
        paths = self._paths()
        number = 1 + max((_number(path) for path in paths), default=0)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write(self.folder / f"backup-{number:08}.state", state)
        except OSError as problem:
            left = (
                f"The backup before it ({max(paths).name}) is whole" if paths else "There is none"
            )
            raise OSError(
                problem.errno,
                f"The backup couldn't be written to {self.folder}: {problem}. {left}. Make room, or "
                "give the run another folder, and start it again",
            ) from problem
        for path in sorted(paths, key=_number)[: max(0, len(paths) + 1 - self.keep)]:
            with contextlib.suppress(OSError):
                path.unlink()

    def load(self, lacking: Callable[[Any], str] = lambda state: "") -> tuple[Any, list[str]]:
        """The newest state that can be read, and what was wrong with those that are newer.

        Args:
            lacking: Says what a state that was read lacks, in words; nothing if it is whole.

        Returns:
            `None` for the state when there is no file at all.

        Raises:
            BrokenFile: There are files, and none can be read.
        """
        problems: list[str] = []
        for path in sorted(self._paths(), key=_number, reverse=True):
            try:
                state = read(path)
            except OSError as problem:
                problems.append(str(problem))
                continue
            lacks = lacking(state)
            if not lacks:
                return state, problems
            problems.append(f"{path} isn't a whole backup: it lacks {lacks}.")
        if problems:
            raise BrokenFile(
                f"No backup in {self.folder} can be read. {' '.join(problems)} To start anew, "
                "delete the folder."
            )
        return None, problems

    def _paths(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0
