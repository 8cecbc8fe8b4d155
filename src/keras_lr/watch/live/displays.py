"""Where a running fit is shown. Each shows it when its throttle allows."""

import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from keras_lr.rate.running import callbacks_of
from keras_lr.watch.live.frame import event_line, frame
from keras_lr.watch.live.progress import Progress
from keras_lr.watch.live.throttle import Throttle
from keras_lr.watch.run import Run
from keras_lr.watch.terminal.colour import coloured

REFRESH = 1.0
"""Seconds between two pictures."""


class Display(Protocol):
    """A place to show a fit in."""

    throttle: Throttle

    def begin(self, model: Any) -> None:
        """The first epoch begins."""
        ...

    def show(self, run: Run, progress: Progress) -> None:
        """Show what there is."""
        ...

    def end(self, run: Run, progress: Progress) -> None:
        """Show it for the last time, and leave."""
        ...

    def leave(self) -> None:
        """Put back what was changed."""
        ...


class SilencedProgbar:
    """Keras's progress bar at rest: what is shown says the same, and the bar would be drawn into it.

    `fit(verbose=2)` prints a line an epoch, which goes on.

    Args:
        model: The model that is being fitted.
    """

    def __init__(self, model: Any) -> None:
        import keras

        bars = keras.callbacks.ProgbarLogger
        found = [each for each in callbacks_of(model) if isinstance(each, bars)]
        self._silenced: list[Any] = [each for each in found if each.verbose == 1]
        for each in self._silenced:
            each.verbose = 0

    def end(self) -> None:
        """Let it go on."""
        for each in self._silenced:
            each.verbose = 1


class Terminal:
    """Pictures that are drawn over again in the terminal's last lines; prints scroll above them."""

    def __init__(self) -> None:
        self.throttle = Throttle(REFRESH)
        self._live: Any = None
        self._colours = coloured()
        self._told: list[Any] = []

    def begin(self, model: Any) -> None:
        """Take the last lines."""
        from rich.console import Console
        from rich.live import Live as Lines

        self._bar = SilencedProgbar(model)
        console = Console(file=sys.stdout, highlight=False)
        self._live = Lines(
            "", console=console, auto_refresh=False, redirect_stderr=sys.stderr.isatty()
        )
        self._live.start()
        console.show_cursor(True)  # nobody shows it again after a kill

    def show(self, run: Run, progress: Progress) -> None:
        """Draw."""
        console = self._live.console
        pictures = "utf" in str(console.encoding).lower()
        drawn = frame(
            run,
            progress,
            width=console.width,
            height=console.height,
            colours=self._colours,
            pictures=pictures,
        )
        new = _new(run.events, self._told)
        with console:  # all at once, or the picture before would be drawn below the new lines
            if new:
                self._live.update("", refresh=True)
                console.print("\n".join(event_line(run, event) for event in new), markup=False)
            self._live.update(drawn, refresh=True)

    def end(self, run: Run, progress: Progress) -> None:
        """Leave the last picture where it is."""
        self.show(run, progress)
        self.leave()

    def leave(self) -> None:
        """Give the stream back, and let Keras's bar go on."""
        self._bar.end()
        self._live.stop()


class Notebook:
    """Words and small charts in the cell's output, renewed in place."""

    def __init__(self) -> None:
        self.throttle = Throttle(REFRESH)

    def begin(self, model: Any) -> None:
        """Take a place in the output of the cell."""
        from IPython.display import HTML, display  # pyright: ignore[reportMissingImports]

        self._bar = SilencedProgbar(model)
        self._html = HTML
        self._handle: Any = display(HTML(""), display_id=True)

    def show(self, run: Run, progress: Progress) -> None:
        """Renew it."""
        from keras_lr.watch.notebook import as_html, piece

        shown = as_html(run) if run.history or run.steps else ""
        self._handle.update(self._html(piece(progress.words()) + shown))

    def end(self, run: Run, progress: Progress) -> None:
        """Leave the last one there."""
        self.show(run, progress)
        self.leave()

    def leave(self) -> None:
        """Let Keras's bar go on."""
        self._bar.end()


def here() -> list[Display]:
    """Where this program can show pictures: a notebook, a terminal, or nowhere."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is not None and getattr(shell, "kernel", None) is not None:
        return [Notebook()]
    return [Terminal()] if is_terminal() else []


def is_terminal() -> bool:
    """Whether what is printed goes to a terminal in which lines can be drawn over again."""
    stream = sys.stdout
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def _new(events: Sequence[Any], told: list[Any]) -> list[Any]:
    found = [event for event in events if event not in told]
    told += found
    return found
