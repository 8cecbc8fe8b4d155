"""What a running study shows: one bar in a terminal, a line a wave elsewhere, or nothing."""

from typing import Any

from keras_lr.tuner.interruption import Interruption


class Progress:
    """Progress on stderr, so that stdout stays free for results.

    Where progress is told, a Ctrl-C that Python couldn't raise is raised (`Interruption`).

    Args:
        total: Epochs of all trials that will run.
        trials: Trials of the study.
        done: Trials that were done before.
        objective: What is optimised.
        quiet: Show nothing.
    """

    def __init__(self, total: int, trials: int, done: int, objective: str, *, quiet: bool) -> None:
        self.total = total
        self.trials = trials
        self.done = done
        self.objective = objective
        self.quiet = quiet
        self._best = ""
        self._bar: Any = None
        self._interruption = Interruption()

    def __enter__(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._console = Console(stderr=True, highlight=False)
        if not self.quiet and self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._text(), total=self.total)
        self._interruption.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._interruption.__exit__()
        if self._bar is not None:
            self._bar.update(self._task, description=self._text(), refresh=True)
            self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        if not self.quiet:
            self._console.print(f"keras-lr: {text}", markup=False, soft_wrap=True)

    def epoch(self) -> None:
        """One epoch of one trial is done."""
        if self._bar is not None:
            self._bar.advance(self._task)
        self._interruption.check()

    def wave(self, done: int, best: float | None) -> None:
        """A wave is done.

        Args:
            done: Trials done so far.
            best: The best value so far.
        """
        self.done = done
        self._best = "" if best is None else f" · best {self.objective} {best:.4g}"
        if self._bar is not None:
            self._bar.update(self._task, description=self._text())
        else:
            self.say(self._text())

    def _text(self) -> str:
        return f"{self.done} of {self.trials} trials{self._best}"
