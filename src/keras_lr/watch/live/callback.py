"""`Live`: watch a fit while it runs."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from keras_lr.callbacks.fit.preflight import refuse_second_fit
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.rate import Control
from keras_lr.watch.live import displays
from keras_lr.watch.live.arguments import checked_path, checked_seconds
from keras_lr.watch.live.page import Page
from keras_lr.watch.live.showing import end_earlier
from keras_lr.watch.live.trace import Trace
from keras_lr.watch.live.watching import Watching
from keras_lr.watch.report.library import Library, checked_library


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
        name: What the page calls the run; by default what its file is called.
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
        name: str | None = None,
        js: Library = "inline",
    ) -> None:
        super().__init__()
        self.report = checked_path(report)
        self.seconds = checked_seconds(seconds)
        self.show = bool(show)
        self.name = None if name is None else str(name)
        self.js: Library = checked_library(js)
        self._trace = Trace()
        self._restored = False
        self._control: Control | None = None
        self._page: Page | None = None
        self._watching: Watching | None = None

    def set_model(self, model: Any) -> None:
        """Keras begins a fit of the model with it."""
        refuse_second_fit(self, model)
        super().set_model(model)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """See that the report can be written."""
        end_earlier(self.model)
        self._watching = None
        self._page = None if self.report is None else Page(self.report, self.seconds, self.js)
        self._control = Control.join(self.model, self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Note the epoch; with the first, begin to show."""
        if self._watching is not None:
            self._watching.begin_epoch(epoch, self.params)
        elif self._control is not None:
            self._watching = self._begin(self._control, epoch)
        if self._watching is not None:
            self._watching.tell_problems()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take in the epoch's values."""
        if self._watching is not None and logs is not None:
            self._watching.end_epoch(epoch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Show the end."""
        if self._watching is not None:
            self._watching.end()
            self._watching.tell_problems()
            self._watching = None
        if self._control is not None:
            self._control.leave(self)
            self._control = None

    def get_state(self) -> dict[str, Any]:
        """The curves so far, as JSON values."""
        return self._trace.get_state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let the curves of the next fit go on from what `get_state` gave."""
        self._trace.set_state(state)
        self._restored = True

    def forget_state(self) -> None:
        """Undo `set_state`: the fit that was to go on didn't begin."""
        self._restored = False

    def _begin(self, control: Control, epoch: int) -> Watching:
        clock = Clock(control)
        clock.begin_epoch(epoch, self.params)
        earlier = bool(epoch) or self._restored
        if not earlier:
            self._trace = Trace()
        elif not self._restored:
            self._trace.go_on(epoch, clock.updates)
        self._restored = False
        shown = [*(displays.here() if self.show else []), *([self._page] if self._page else [])]
        return Watching(
            control, clock, self._trace, name=self._run_name(), earlier=earlier, shown=shown
        )

    def _run_name(self) -> str:
        """The name that was given, or else what the page is called."""
        if self.name is not None:
            return self.name
        return "Training" if self.report is None else self.report.stem
