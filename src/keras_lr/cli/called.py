"""Several files of a command: what their runs are called, and what is in those that can be read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from keras_lr.errors import KerasLRError

Result = TypeVar("Result")


def run_names(files: Sequence[str]) -> list[str | None]:
    """The name of each file's run: `None` for its own, the path where several have the same.

    >>> run_names(["a/run.csv", "b/run.csv", "c.csv"])
    ['a/run.csv', 'b/run.csv', None]
    """
    same = [Path(file).name for file in files]
    return [file if same.count(name) > 1 else None for file, name in zip(files, same, strict=True)]


def read_each(
    files: Sequence[str], read: Callable[[str, str | None], Result]
) -> tuple[list[tuple[str, Result]], KerasLRError | None]:
    """What is in each file; one that can't be read doesn't keep the others from being looked at.

    Args:
        files: As they were written.
        read: Reads one, whose run is to be called so.

    Returns:
        Each file that was read, with what is in it, and what is to be said of the rest.

    Raises:
        KerasLRError: None can be read.
    """
    found, failed = [], []
    for text, name in zip(files, run_names(files), strict=True):
        try:
            found.append((text, read(text, name)))
        except KerasLRError as error:
            failed.append(error)
    if not found:
        raise failed[0]
    return found, KerasLRError(" ".join(map(str, failed))) if failed else None
