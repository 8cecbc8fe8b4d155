"""Files that appear whole or not at all, and places that are tried before there is anything to write."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def written_beside(target: Path) -> Iterator[Path]:
    """Write beside a file, then rename: a reader never sees half of it.

    Args:
        target: The file; its folder is made when missing.

    Yields:
        What to write instead, which takes the file's place at the end.

    Raises:
        OSError: The system refuses; the file is then as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(target)
    try:
        yield part
        os.replace(part, target)
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            part.unlink()
        raise


def try_writing(target: Path) -> None:
    """See that a file can be written there, and leave nothing.

    Only the system knows: it lets root into `/proc`. So a file is made under the name that
    `written_beside` uses, and removed, with the folders that it needed.

    Raises:
        OSError: The system refuses.
    """
    target = target.absolute()
    missing = [folder for folder in target.parents if not folder.exists()]
    made: list[Path] = []
    part = _beside(target)
    try:
        for folder in reversed(missing):
            folder.mkdir()
            made.append(folder)
        part.touch()
        part.unlink()
    finally:
        for folder in reversed(made):
            folder.rmdir()


def refusal(error: BaseException) -> str:
    """What the system says, in its words.

    >>> refusal(OSError(28, "No space left on device"))
    'No space left on device'
    """
    return getattr(error, "strerror", None) or str(error)


def _beside(target: Path) -> Path:
    """Another name in the folder, with the same ending, by which Keras knows what to write."""
    return target.with_name(f".{target.name}.{os.getpid()}.part{target.suffix}")
