"""What a command gives back: the same result for people and for machines."""

import json
import math
import shutil
import signal
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from keras_lr.errors import KerasLRError
from keras_lr.escaped import escaped, in_json

INTERRUPTED = 128 + signal.SIGINT
"""What the process ends with after Ctrl-C, as a shell has it."""


@dataclass(frozen=True)
class File:
    """A file that a command leaves.

    Args:
        name: What it is, e.g. `"report"`.
        path: Where it goes.
        write: Writes it.
    """

    name: str
    path: Path
    write: Callable[[], Any]

    def save(self) -> str:
        """Write it; what it says of that, in a line.

        Raises:
            KerasLRError: The system refused.
        """
        folder = self.path.parent
        made = "" if folder.is_dir() else f" (and made the folder {folder})"
        try:
            self.write()
        except OSError as error:
            raise KerasLRError(
                f"The {self.name} couldn't be written ({error.strerror or error}); the result is "
                f"above. Received: {self.path}"
            ) from error
        return f"wrote {self.path}{made}"


@dataclass(frozen=True)
class Output:
    """The result of a command.

    Args:
        data: What `--json` prints, as one object (`cli.documents` has the type of each).
        text: What people read, as text or as a function that makes it.
        exit_code: What the process ends with.
        files: Written once the result is printed, so that a full disk can't lose it.
        error: What kept the command from doing the rest; raised when all of this is out.
        painted: Whether the text has colours of its own; in any other, control characters come
            from a file and are written out.
    """

    data: Mapping[str, object]
    text: str | Callable[[], str]
    exit_code: int = 0
    files: Sequence[File] = ()
    error: BaseException | None = None
    painted: bool = False

    def write(self, stream: TextIO, *, as_json: bool) -> None:
        """Print it: one JSON object, or the text."""
        if as_json:
            document = json.dumps(plain(self.data), allow_nan=False, ensure_ascii=False)
            print(in_json(document), file=stream)
        else:
            text = self.text if isinstance(self.text, str) else self.text()
            text = text if self.painted else escaped(text)
            if stream.isatty():
                text = folded(text, shutil.get_terminal_size().columns)
            print(text, file=stream)


def folded(text: str, width: int) -> str:
    """Sentences in lines that a terminal has room for; code, tables and pictures as they are.

    Args:
        text: The text; what begins with a space, or is in colour, is no sentence.
        width: Columns of the terminal.

    >>> print(folded("Use 0.1 with momentum 0.9: accuracy 97 %.\\n    model.fit(x, y, epochs=20)", 24))
    Use 0.1 with momentum
      0.9: accuracy 97 %.
        model.fit(x, y, epochs=20)
    """
    lines: list[str] = []
    for line in text.split("\n"):
        if len(line) <= width or not line[0].isalnum() or "\x1b" in line:
            lines.append(line)
            continue
        lines += textwrap.wrap(
            line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    return "\n".join(lines)


def plain(value: Any) -> Any:
    """A value as JSON can hold it: arrays as lists, NaN and inf as null, the rest as text.

    >>> plain({"a": np.float32(0.5), "b": [float("nan"), 1], "c": (True, None)})
    {'a': 0.5, 'b': [None, 1], 'c': [True, None]}
    """
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
