"""`Live`: watch a fit while it runs."""

import os
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

import keras

from keras_lr.callbacks.fit.chunks import Chunk
from keras_lr.callbacks.monitoring.assigned import assigned
from keras_lr.callbacks.monitoring.destinations import numbers
from keras_lr.callbacks.monitoring.parts import Events, records, schedule_text
from keras_lr.callbacks.monitoring.settings import told_settings
from keras_lr.callbacks.warning import warn
from keras_lr.rate import Control
from keras_lr.time_left import TimeLeft
from keras_lr.watch.live import outlets
from keras_lr.watch.live.arguments import checked_js, checked_path, checked_seconds
from keras_lr.watch.live.moment import Moment, State
from keras_lr.watch.live.page import Page
from keras_lr.watch.live.showing import Showing, end_earlier
from keras_lr.watch.live.trace import Trace
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
        every: Seconds between two writings of it, at least; also at least twenty times as long as
            one takes.
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
        every: float = 10.0,
        show: bool = True,
        name: str = "Training",
        js: Literal["inline", "cdn"] = "inline",
    ) -> None:
        super().__init__()
        self.report = checked_path(report)
        self.every = checked_seconds(every)
        self.show = bool(show)
        self.name = str(name)
        self.js: Literal["inline", "cdn"] = checked_js(js)
        self._trace = Trace()
        self._lock = threading.Lock()
        self._control: Control | None = None
        self._showing: Showing | None = None
        self._restored = False
        self._events: list[Any] = []
        self._earlier = False

    # -- fit ------------------------------------------------------------------------------------

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """See that the report can be written."""
        end_earlier(self.model)
        self._showing = None
        self._page = None if self.report is None else Page(self.report, self.every, self.js)
        self._control = Control.join(self.model, self)
        self._began = time.monotonic()
        self._known: dict[str, Any] = {}
        self._epoch = self._batches = self._accumulated = 0
        self._last: tuple[int, Mapping[str, Any]] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch; with the first, begin to show."""
        control: Any = self._control
        self._batches = int((self.params or {}).get("steps") or 0)
        control.place.start(epoch * self._batches)
        if not control.between.fresh:
            control.between.begin_epoch(self._batches)
        self._epoch = epoch
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
        self._collect()

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
        self._accumulated = control.leaves[0].gradient_accumulation_steps or 1
        step = control.place.done // self._accumulated
        with self._lock:
            if not epoch and not self._restored:
                self._trace = Trace()
            elif not self._restored:
                self._trace.go_on(epoch, step)
        self._earlier = bool(epoch) or self._restored
        self._restored = False
        self._chunk, self._left = Chunk(), TimeLeft()
        self._asked, self._pointed = self._began, False
        self._watched = Events(control)
        self._known = {
            "name": self.name,
            "schedule": schedule_text(model),
            "epochs_planned": int((self.params or {}).get("epochs") or 1),
            "steps_per_epoch": self._batches / self._accumulated or None,
            "settings": told_settings(control.optimizer),
        }
        self._collect()
        self._looking = control.between.look(control, 1, self._between_steps)
        self._total = control.between.total
        found = outlets.here() if self.show else []
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
            self._watched.collect(self._epoch)
            self._collect()
            self._add(dict(zip(control.log_keys, control.read(updates_ago=1), strict=True)))
        self._pointed = True

    def _add(self, rates: Mapping[str, float], *, losses: bool = True) -> None:
        """A point of the curves: the mean losses since the last one, and the rates."""
        control: Any = self._control
        means = self._chunk.take() if losses and self._chunk.batches else {}
        means = {name: value for name, value in means.items() if name.endswith("loss")}
        with self._lock:
            self._trace.add(control.place.done // self._accumulated, {**means, **rates})

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
            self._known["steps_per_epoch"] = self._control.between.done / self._accumulated or None

    def _collect(self) -> None:
        """Note what has changed the rate in this run."""
        control: Any = self._control
        told = records(control.model)
        found = [
            event
            for record in told
            for event in record.events
            if self._earlier or event.fit == record.fits - 1
        ]
        if not told:  # what others assign, as Keras's own callbacks do
            found = assigned(control.assignments, self._batches, self._accumulated)
        with self._lock:
            self._events = sorted(found, key=lambda event: event.step)

    # -- what is shown ----------------------------------------------------------------------------

    def _look(self, state: State) -> tuple[Run, Moment]:
        """What there is, from any thread."""
        now, control = time.monotonic(), self._control
        done = 0 if control is None or not self._accumulated else control.between.done
        epochs = int((self.params or {}).get("epochs") or 1)
        left = None
        if state == "running" and done and self._batches:
            before = self._epoch * self._batches
            left = self._left.estimate(now, before + done, epochs * self._batches)
        moment = Moment(self._epoch, epochs, done, self._batches, now - self._began, left, state)
        with self._lock:
            run = self._trace.run(events=self._events, done=state == "done", **self._known)
        return run, moment

    def _tell_problems(self) -> None:
        showing: Any = self._showing
        problems, showing.problems = showing.problems, []
        for problem in problems:
            warn(f"Live goes on without {problem}")
