"""`Live`: watch a fit while it runs."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import keras

from keras_lr.callbacks.fit.chunks import Chunk, numbers
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.controllers import schedule_text
from keras_lr.callbacks.monitoring.events import Events, collect_cuts
from keras_lr.callbacks.monitoring.settings import told_settings
from keras_lr.callbacks.warning import warn
from keras_lr.rate import Control
from keras_lr.time_left import TimeLeft
from keras_lr.watch.live import displays
from keras_lr.watch.live.arguments import checked_path, checked_seconds
from keras_lr.watch.live.page import Page
from keras_lr.watch.live.progress import Progress, State
from keras_lr.watch.live.showing import Showing, end_earlier
from keras_lr.watch.live.trace import Trace
from keras_lr.watch.report.library import Library, checked_library
from keras_lr.watch.run import Run

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds between two points of a curve: first the one, and the other from some hours on."""
LOOKS = 10
"""Times that it looks at the clock between two points, about."""
POINTS = 400
"""Points that a curve has before they come more slowly."""


class Live(keras.callbacks.Callback):
    """Show loss and rate while `fit` runs, and each cut as it happens.

    In a terminal: curves that are drawn over again in its last lines, below what is printed
    (Keras's progress bar rests meanwhile; `fit(verbose=2)` prints a line an epoch above them). In a
    notebook: charts in the cell's output. Elsewhere, as in a log file, nothing. With `report`, a
    page that renews itself in the browser while the run lasts; after the end, Ctrl-C or an error it
    stays as a report of what was done.

    A thread of its own draws, and training is asked for its loss once a second at most.

    Args:
        report: The HTML file to keep up to date; its folder is made when missing.
        seconds: Between two writings of it, at least; also at least twenty times as long as one
            takes.
        show: Whether the terminal or the notebook shows anything.
        name: What the page calls the run.
        js: As in `keras_lr.report`: `"inline"` (5 MB, opens offline) or `"cdn"` (a small file).

    Raises:
        InvalidInput: An argument is no such thing; before training, when the report can't be
            written.

    Example:

    ```python
    model.fit(x, y, epochs=30, verbose=2, callbacks=[
        keras_lr.LearningRate("cosine", rules=[keras_lr.rules.Plateau("val_loss")]),
        keras_lr.Live(report="run.html"),
    ])
    ```
    """

    def __init__(
        self,
        report: str | os.PathLike[str] | None = None,
        *,
        seconds: float = 10.0,
        show: bool = True,
        name: str = "Training",
        js: Library = "inline",
    ) -> None:
        super().__init__()
        self.report = checked_path(report)
        self.seconds = checked_seconds(seconds)
        self.show = bool(show)
        self.name = str(name)
        self.js: Library = checked_library(js)
        self._trace = Trace()
        self._lock = threading.Lock()
        self._control: Control | None = None
        self._showing: Showing | None = None
        self._restored = False
        self._events: list[Any] = []

    # -- fit ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """See that the report can be written."""
        end_earlier(self.model)
        self._showing = None
        self._page = None if self.report is None else Page(self.report, self.seconds, self.js)
        self._control = Control.join(self.model, self)
        self._clock = Clock(self._control)
        self._began = time.monotonic()
        self._known: dict[str, Any] = {}
        self._last: tuple[int, Mapping[str, Any]] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch; with the first, begin to show."""
        self._clock.begin_epoch(epoch, self.params)
        if self._showing is None:
            self._begin(epoch)
        self._take_last()
        self._chunk.begin_epoch()
        if self._pointed:  # an epoch that is over soon has one point, at its end
            self._asked = time.monotonic()
        self._pointed = False
        self._tell_problems()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take in the epoch's values."""
        control: Any = self._control
        if logs is None or self.model is None:  # on JAX, to ask for the model syncs its state
            return
        control.log(logs)
        self._last = epoch, logs  # callbacks listed later add to it
        self._chunk.add(control.between.counted, control.between.logs)
        # The mean of the few steps since the last point says little: they count with the next ones.
        self._pointed = not self._pointed or time.monotonic() - self._asked > SHORTEST / 2
        rates = {key: float(logs[key]) for key in control.log_keys if key in logs}
        self._add(rates, losses=self._pointed)
        self._take_last(keep=True)
        self._collect(epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Show the end."""
        if self._control is None:
            return
        if self._showing is not None:
            self._take_last()
            self._collect()
            self._add({})
            self._showing.end("done")
            self._tell_problems()
            self._showing = None
        self._control.leave(self)
        self._control = None

    def get_state(self) -> dict[str, Any]:
        """The curves so far, as JSON values."""
        with self._lock:
            return self._trace.get_state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let the curves of the next fit go on from what `get_state` gave."""
        with self._lock:
            self._trace.set_state(state)
        self._restored = True

    def forget_state(self) -> None:
        """Undo `set_state`: the fit that was to go on didn't begin."""
        self._restored = False

    # -- what is taken in -------------------------------------------------------------------------

    def _begin(self, epoch: int) -> None:
        control: Any = self._control
        model = control.model
        control.hear_assignments()
        with self._lock:
            if not epoch and not self._restored:
                self._trace = Trace()
            elif not self._restored:
                self._trace.go_on(epoch, self._clock.updates)
        self._watched = Events(control, self._clock, earlier=bool(epoch) or self._restored)
        self._restored = False
        self._chunk, self._left = Chunk(), TimeLeft()
        self._asked, self._pointed = self._began, False
        self._known = {
            "name": self.name,
            "schedule": schedule_text(model),
            "epochs_planned": self._clock.epochs,
            "steps_per_epoch": self._clock.steps_per_epoch,
            "settings": told_settings(control.optimizer),
        }
        self._collect(epoch - 1)
        self._looking = control.between.look(control, 1, self._between_steps)
        self._total = control.between.total
        found = displays.here() if self.show else []
        pages = [] if self._page is None else [self._page]
        self._showing = Showing(model, [*found, *pages], self._look)

    def _between_steps(self, logs: Mapping[str, Any]) -> None:
        """Between two steps, often; mostly it isn't time to ask."""
        now, total = time.monotonic(), self._control.between.total  # type: ignore[union-attr]
        if now - self._asked < min(LONGEST, max(SHORTEST, (now - self._began) / POINTS)):
            return
        self._asked = now
        self._looking.every = max(1, (total - self._total) // LOOKS)
        self._total = total
        control: Any = self._control
        self._chunk.add(control.between.counted, logs)
        with control.peeking():
            collect_cuts(control, self._clock.epoch)
            self._collect(self._clock.epoch - 1)
            self._add(dict(zip(control.log_keys, control.read(updates_ago=1), strict=True)))
        self._pointed = True

    def _add(self, rates: Mapping[str, float], *, losses: bool = True) -> None:
        """A point of the curves: the mean losses since the last one, and the rates."""
        means = self._chunk.take() if losses and self._chunk.batches else {}
        means = {name: value for name, value in means.items() if name.endswith("loss")}
        with self._lock:
            self._trace.add(self._clock.updates, {**means, **rates})

    def _take_last(self, *, keep: bool = False) -> None:
        """Take in the values of the last epoch that ended."""
        if self._last is None:
            return
        epoch, logs = self._last
        with self._lock:
            self._trace.rows[epoch] = numbers(logs)
        if not keep:
            self._last = None
        if self._known.get("steps_per_epoch") is None and self._control is not None:
            # Data without a length: now it is known.
            done = self._control.between.done
            self._known["steps_per_epoch"] = done / self._clock.accumulated or None

    def _collect(self, over: int | None = None) -> None:
        """Note what has changed the rate in this run, once `over` is the last epoch that is over.

        What a terminal has told can't be taken back: so nothing that may turn out a schedule's.
        """
        found = self._watched.all(over)
        with self._lock:
            self._events = found

    # -- what is shown ----------------------------------------------------------------------------

    def _look(self, state: State) -> tuple[Run, Progress]:
        """What there is, from any thread."""
        now, control, clock = time.monotonic(), self._control, self._clock
        done, batches = 0 if control is None else clock.done, clock.batches
        left = None
        if state == "running" and done and batches:
            before = clock.epoch * batches
            left = self._left.estimate(now, before + done, clock.epochs * batches)
        progress = Progress(
            clock.epoch,
            clock.epochs,
            done,
            batches,
            now - self._began,
            left,
            state,
            first=clock.first or 0,
        )
        with self._lock:
            run = self._trace.run(events=self._events, done=state == "done", **self._known)
        return run, progress

    def _tell_problems(self) -> None:
        showing: Any = self._showing
        problems, showing.problems = showing.problems, []
        for problem in problems:
            warn(f"Live goes on without {problem}")
