"""What the runs of several files are called."""

from collections.abc import Sequence
from pathlib import Path


def run_names(files: Sequence[str]) -> list[str | None]:
    """The name of each file's run: `None` for its own, the path where several have the same.

    >>> run_names(["a/run.csv", "b/run.csv", "c.csv"])
    ['a/run.csv', 'b/run.csv', None]
    """
    same = [Path(file).name for file in files]
    return [file if same.count(name) > 1 else None for file, name in zip(files, same, strict=True)]
