"""What a running study shows: one bar in a terminal, a line now and then elsewhere, or nothing."""

import sys
import time
from typing import Any

from keras_lr.escaped import escaped
from keras_lr.time_left import clock
from keras_lr.tuner.interruption import Interruption

APART = 5.0
"""Seconds between two lines where there is no bar, at least."""

WIDE = 80
"""Columns of a terminal that has room for a bar beside the words."""

SILENT = 30.0
"""Seconds without a line, at most, while epochs are trained."""


class Progress:
    """Progress on stderr, so that stdout stays free for results.

    Where progress is told, a Ctrl-C that Python couldn't raise is raised (`Interruption`).

    Args:
        total: Epochs of all trials that will run.
        trials: Trials of the study.
        done: Trials that were done before.
        objective: What is optimised.
        quiet: Show nothing.
        unit: What is counted.
    """

    def __init__(
        self,
        total: int,
        trials: int,
        done: int,
        objective: str,
        *,
        quiet: bool,
        unit: str = "trials",
    ) -> None:
        self.total = total
        self.trials = trials
        self.done = done
        self.objective = objective
        self.quiet = quiet
        self.unit = unit
        self._first = done
        self._epochs = 0
        self._best = ""
        self._stage = ""
        self._bar: Any = None
        self._started = time.perf_counter()
        self._begun: tuple[float, int] | None = None
        self._last_line = time.perf_counter() - APART
        self._pending = False
        self._interruption = Interruption()

    def __enter__(self) -> "Progress":
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        # FORCE_COLOR makes rich take a file for a terminal; a bar in a file is of no use.
        if not self.quiet and self._console.is_terminal and sys.stderr.isatty():
            self._bar = _bar(self._console)
            self._bar.start()
            self._task = self._bar.add_task(self._text(), total=self.total, left="")
        self._started = time.perf_counter()
        self._interruption.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._interruption.__exit__()
        if self._bar is not None:
            self._bar.update(self._task, description=self._text(), refresh=True)
            self._bar.stop()
        self._flush()

    def say(self, text: str) -> None:
        """Print a line."""
        self._flush()
        self._print(text)

    def epoch(self) -> None:
        """One epoch of one trial is done."""
        self._epochs += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self._epochs, left=self._left())
        elif time.perf_counter() - self._last_line >= SILENT:
            self._pending = True
            self._flush()
        self._interruption.check()

    def stage(self, text: str, best: float | None = None) -> None:
        """Something between two waves is done.

        Args:
            text: What, such as "epoch 3 of 20".
            best: The best value so far.
        """
        self._stage = f" · {text}"
        self._tell(best)

    def wave(self, done: int, best: float | None) -> None:
        """A wave is done.

        Args:
            done: Trials done so far.
            best: The best value so far.
        """
        self.done = done
        self._stage = ""
        missing = self.trials - self._first
        if missing > 0:
            # Trials that were ended early leave epochs that nobody will train.
            self._epochs = round(self.total * (done - self._first) / missing)
        if self._bar is not None:
            self._bar.update(self._task, completed=self._epochs)
        self._tell(best)

    def _tell(self, best: float | None) -> None:
        if self._begun is None:
            self._begun = time.perf_counter(), self._epochs
        if best is not None:
            self._best = f" · best {self.objective} {best:.4g}"
        if self._bar is not None:
            self._bar.update(self._task, description=self._text(), left=self._left())
            return
        self._pending = True
        if time.perf_counter() - self._last_line >= APART:
            self._flush()

    def _flush(self) -> None:
        """Print the line that waits, if one does."""
        if not self._pending:
            return
        self._pending = False
        self._last_line = time.perf_counter()
        left = self._left()
        self._print(f"{self._text()}{f' · about {left}' if left else ''}")

    def _print(self, text: str) -> None:
        if not self.quiet:
            self._console.print(escaped(f"keras-lr: {text}"), markup=False, soft_wrap=True)

    def _text(self) -> str:
        counted = f"{self.done} of {self.trials}"
        if self._stage and self.done == self._first:
            counted = f"{self.trials}"  # all of them train together
        return f"{counted} {self.unit}{self._stage}{self._best}"

    def _left(self) -> str:
        """How long the rest takes at the pace so far; nothing where there is none."""
        if not 0 < self._epochs < self.total:
            return ""
        now = time.perf_counter()
        since, done = now - self._started, self._epochs
        if self._begun is not None and now - self._begun[0] > 0.5 and done > self._begun[1]:
            # Without what came before the first result, such as compiling.
            since, done = now - self._begun[0], done - self._begun[1]
        return f"{clock(since * (self.total - self._epochs) / done)} left"


def _bar(console: Any) -> Any:
    """A bar that leaves the words their room: in a narrow terminal there are words only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    words = TextColumn("{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis"))
    left = TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True, min_width=9))
    if console.width < WIDE:
        return Progress(words, left, console=console)
    bar = BarColumn(min(40, console.width - WIDE + 8))
    elapsed = TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7))
    return Progress(words, bar, elapsed, left, console=console)
