"""Shows a fit beside it: a thread of its own draws, so that training doesn't wait for pictures.

Keras tells no callback that a fit was interrupted or failed. The thread sees that it is over.
"""

import atexit
import contextlib
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from keras_lr.rate.running import is_fitting
from keras_lr.watch.live.displays import Display
from keras_lr.watch.live.progress import Progress, State
from keras_lr.watch.run import Run

TICK = 0.2
"""Seconds between two looks at whether there is something to do."""

MISSES = 3
"""Looks in a row that must find no fit before it is taken for over."""

_running: "weakref.WeakSet[Showing]" = weakref.WeakSet()
_hooks: list[Any] = []
"""What Python does with an uncaught error by itself, while ours is in its place."""


def end_earlier(model: Any) -> None:
    """End what still shows fits that are over, as the one that begins may use the same places.

    Args:
        model: Whose fit begins: what else was shown of it was interrupted.
    """
    for showing in list(_running):
        if showing.model is model or not is_fitting(showing.model):
            showing.end("stopped")


def _uncaught(kind: Any, error: Any, traceback: Any) -> None:
    """Show the end of every fit first: a traceback belongs below the last picture."""
    hook = _hooks[0] if _hooks else sys.__excepthook__
    for showing in list(_running):
        showing.end("stopped")
    hook(kind, error, traceback)


class Showing:
    """Keeps displays up to date until the fit is over.

    Args:
        model: The model that is being fitted.
        displays: Where it is shown.
        look: Gives what there is so far, and where the fit stands; called in any thread.

    Attributes:
        problems: What couldn't be shown any more, and why; whoever tells it empties it.
    """

    def __init__(
        self,
        model: Any,
        displays: Sequence[Display],
        look: Callable[[State], tuple[Run, Progress]],
    ) -> None:
        self.problems: list[str] = []
        self.model = model
        self._displays = list(displays)
        self._look = look
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._ended = False
        self._process = os.getpid()
        _running.add(self)
        for display in list(self._displays):
            self._try(display, lambda display: display.begin(model))
        # Python ends daemons as they are; this comes before.
        atexit.register(self.end, "stopped")
        if not _hooks:
            _hooks.append(sys.excepthook)
            sys.excepthook = _uncaught
        self._thread = threading.Thread(target=self._follow, name="keras-lr live", daemon=True)
        self._thread.start()

    def end(self, state: State) -> None:
        """Show the end, once; then nothing more.

        Args:
            state: Whether the fit came to its end, or was stopped.
        """
        if os.getpid() != self._process:
            return  # a fork of it, which has none of this
        self._ending.set()
        with self._lock:
            if self._ended:
                return
            self._ended = True
            _running.discard(self)
            atexit.unregister(self.end)
            if not _running and sys.excepthook is _uncaught:
                sys.excepthook = _hooks.pop()
            run, progress = self._look(state)
            for display in list(self._displays):
                self._try(display, lambda display: display.end(run, progress))

    def _follow(self) -> None:
        missed = 0
        while not self._ending.wait(TICK):
            # A generator that suspends while another thread looks hides the frames below it.
            missed = 0 if is_fitting(self.model) else missed + 1
            if missed >= MISSES:
                self.end("stopped")
                return
            with self._lock:
                if not self._ended:
                    self._show()

    def _show(self) -> None:
        now = time.monotonic()
        due = [display for display in self._displays if display.throttle.due(now)]
        if not due:
            return
        run, progress = self._look("running")
        for display in due:
            began = time.monotonic()
            self._try(display, lambda display: display.show(run, progress))
            display.throttle.done(began, time.monotonic())

    def _try(self, display: Display, do: Callable[[Display], None]) -> None:
        """A picture that can't be drawn, or a full disk, ends the showing, never the training."""
        try:
            do(display)
        except Exception as error:
            self._displays.remove(display)
            with contextlib.suppress(Exception):
                display.leave()
            told = " ".join(str(error).split()) or type(error).__name__
            self.problems.append(f"{type(display).__name__.lower()}: {told}")
