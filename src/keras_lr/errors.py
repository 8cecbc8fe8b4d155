"""Exceptions that say what to do.

Each message holds what was received, what is wrong with it, and the line to write instead. The
command line prints them without a traceback and exits with `exit_code`; everything else that escapes is
a defect of keras-lr and keeps its traceback.
"""

import difflib
from collections.abc import Iterable

LONG_LIST = 15
"""Names that an error lists beside the nearest one, at most."""


class KerasLRError(Exception):
    """Base of every error that keras-lr raises on purpose."""

    exit_code = 1


class InvalidInput(KerasLRError, ValueError):
    """The user's input can't be used; nothing was changed and no training started."""

    exit_code = 2


class MissingExtra(KerasLRError, ImportError):
    """A feature needs a package that isn't installed."""

    exit_code = 2

    def __init__(self, feature: str, extra: str, package: str | None = None) -> None:
        package = package or extra
        super().__init__(
            f"{feature} needs {package}, which isn't installed. "
            f'Install it with: pip install "keras-lr[{extra}]"'
        )


class UnknownUnit(InvalidInput):
    """A length is in a unit whose steps aren't known here.

    Args:
        message: What to write in Python.
        length: The length as it was given, with its argument, such as "length='2 epochs'".
        unit: "epoch" or "sample".
    """

    def __init__(self, message: str, length: str, unit: str) -> None:
        super().__init__(message)
        self.length = length
        self.unit = unit


class UnresolvedSchedule(InvalidInput):
    """A schedule was evaluated before its lengths were known in steps."""


class BrokenFile(KerasLRError, OSError):
    """A file of saved states isn't whole, or is none."""


class TrainingDiverged(KerasLRError, RuntimeError):
    """Training diverged again and again; the last good weights were restored."""


class RateNotFound(KerasLRError, RuntimeError):
    """The finder refuses to guess; `finding` holds what it measured (with `learning_rate=None`)."""

    def __init__(self, finding: object) -> None:
        super().__init__(getattr(finding, "reason", str(finding)))
        self.finding = finding


_SHORT = {"lr": "learning_rate", "rate": "learning_rate", "wd": "weight_decay"}
"""What people write for short."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest valid one, and all of them.

    Where one is near, a long list would only hide it.

    >>> nearest("leraning_rate", ["momentum", "learning_rate"])
    "Did you mean 'learning_rate'? Valid names: learning_rate, momentum."
    >>> nearest("lr", ["momentum", "learning_rate"])
    "Did you mean 'learning_rate'? Valid names: learning_rate, momentum."
    >>> nearest("name7_", [f"name{i}" for i in range(30)])
    "Did you mean 'name7'?"
    """
    known = sorted(known)
    if not known:
        return "There is none to choose from."
    usual = _SHORT.get(name.lower())
    close = [usual] if usual in known else difflib.get_close_matches(name, known, n=1)
    if close and len(known) > LONG_LIST:
        return f"Did you mean {close[0]!r}?"
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Valid names: {', '.join(known)}."
