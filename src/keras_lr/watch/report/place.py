"""Where a report is written: a path that can be one, and a file that appears whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.files import refusal, try_writing, written_beside


def checked_place(given: Any, name: str = "path") -> Path:
    """The path of a report, if it can be one.

    Args:
        given: What somebody passed.
        name: The argument's name, for the error.

    Raises:
        InvalidInput: It isn't text or a path, is empty, names a folder, or holds a NUL.
    """
    try:
        text = os.fspath(given)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text:
        raise InvalidInput(
            f'{name} is the path of the HTML file to write, such as "report.html". '
            f"Received: {name}={given!r}."
        )
    path = Path(text)
    if os.path.isdir(path):  # a name that is too long is none, and told when it is written
        raise InvalidInput(
            "The report can't be written there: it is a file, and this is a folder. "
            f'Write {name}="{path / "report.html"}". Received: {name}={text!r}.'
        )
    return path


def write_atomically(path: str | os.PathLike[str], text: str) -> Path:
    """Write beside the file, then rename: a reader never sees half a report.

    Args:
        path: The file; its folder is created when missing.
        text: What it is to hold.

    Raises:
        InvalidInput: It can't be written there.
    """
    target = checked_place(path)
    with _refused(target), written_beside(target) as part:
        # A file's name may hold bytes that are no text.
        part.write_text(text, encoding="utf-8", errors="replace")
    return target


def try_place(path: Path) -> None:
    """Refuse a place that can't be written, before there is anything to write."""
    with _refused(path):
        try_writing(path)


@contextlib.contextmanager
def _refused(target: Path) -> Iterator[None]:
    """What the system refuses is told of the file, with what to write."""
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise InvalidInput(
            f"The report can't be written there ({refusal(error)}). "
            f"Write the path of a file in a folder you may write to. Received: {str(target)!r}."
        ) from error
