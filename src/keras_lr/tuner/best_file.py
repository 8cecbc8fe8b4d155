"""The best trial's model, kept in a file beside the storage's own.

So a later process has the best model without training it again. Only one is kept a study: the
best when it was written. A storage that isn't a file has none, and the best is trained again.
"""

import contextlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_lr.errors import BrokenFile
from keras_lr.tuner.storage import file_of


class BestFile:
    """The file with a study's best weights.

    Args:
        storage: As `tune` was given it.
        study_name: The study's name.
        identity: What tells it from another study of that name: one that was deleted, or one of
            which the name makes the same file name. Asked for whenever the file is used: of
            processes that begin a study together each writes one, and the last one counts.
    """

    def __init__(self, storage: Any, study_name: str, identity: Callable[[], str]) -> None:
        file = file_of(storage)
        name = re.sub(r"[^\w-]+", "_", study_name)
        self.identity = identity
        self.path: Path | None = file and file.with_name(f"{file.name}.{name}.best")
        self._written: int | None = None

    def write(self, number: int, kept: Sequence[np.ndarray]) -> None:
        """Keep a trial's model, whole or not at all; a disk that refuses is no reason to stop."""
        from keras_lr.state import archive

        if self.path is None or self._written == number:
            return
        content = {"study": self.identity(), "number": number, "kept": list(kept)}
        with contextlib.suppress(OSError):
            archive.write(self.path, content)
            self._written = number

    def read(self, number: int) -> list[np.ndarray] | None:
        """What was kept of this trial; `None` if it isn't this one that was, or none is left."""
        from keras_lr.state import archive

        if self.path is None or not self.path.is_file():
            return None
        try:
            found = archive.read(self.path)
        except (BrokenFile, OSError):
            return None
        mine = found.get("number") == number and found.get("study") == self.identity()
        return list(found["kept"]) if mine else None
