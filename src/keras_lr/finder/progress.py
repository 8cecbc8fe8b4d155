"""How far a race or a range test is, and how long the rest takes."""

import contextlib
import sys
import time
from collections.abc import Iterator

from keras_lr.time_left import TimeLeft, clock

APART = 0.2
"""Seconds between two changes of the line in a terminal, at least."""

SILENT = 30.0
"""Seconds between two lines where there is no terminal."""


@contextlib.contextmanager
def shown(total: int, *, quiet: bool = False) -> Iterator["Updates"]:
    """Progress for the length of a `with` block."""
    updates = Updates(total, quiet=quiet)
    try:
        yield updates
    finally:
        updates.close()


class Updates:
    """Progress on stderr: a line that changes in a terminal, elsewhere one now and then.

    Args:
        total: Updates in all, at most.
        quiet: Show nothing.
    """

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self.total = total
        self.quiet = quiet
        self._time = TimeLeft()
        self._terminal = sys.stderr.isatty()
        self._shown = time.perf_counter()
        self._wide = 0

    def __call__(self, done: int) -> None:
        """So many updates are done; the first call may be long after the start, for compiling."""
        now = time.perf_counter()
        left = self._time.estimate(now, done, self.total)  # begins anew where more members do
        if self.quiet or now - self._shown < (APART if self._terminal else SILENT):
            return
        self._shown = now
        text = (
            f"find: {done} of {self.total} updates{f', about {clock(left)} left' if left else ''}"
        )
        if self._terminal:
            print(f"\r{text.ljust(self._wide)}", end="", file=sys.stderr, flush=True)
            self._wide = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Wipe the line."""
        if self._wide:
            print(f"\r{'':{self._wide}}\r", end="", file=sys.stderr, flush=True)
            self._wide = 0
