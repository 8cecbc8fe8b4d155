"""Exceptions that say what to do.

Each message holds what was received, what is wrong with it, and the line to write instead. The
command line prints them as one line and exits with `exit_code`; everything else that escapes is
a defect of keras-lr and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


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


class UnresolvedSchedule(InvalidInput):
    """A schedule was evaluated before its lengths were known in steps."""


class TrainingDiverged(KerasLRError, RuntimeError):
    """Training diverged again and again; the last good weights were restored."""


class RateNotFound(KerasLRError, RuntimeError):
    """The finder refuses to guess; `finding` holds what it measured (with `learning_rate=None`)."""

    def __init__(self, finding: object) -> None:
        super().__init__(getattr(finding, "reason", str(finding)))
        self.finding = finding


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the nearest valid one, and all of them.

    >>> nearest("leraning_rate", ["momentum", "learning_rate"])
    "Did you mean 'learning_rate'? Valid names: learning_rate, momentum."
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    return f"{hint}Valid names: {', '.join(known)}."
