"""One fit that is watched: what is taken in of it as it runs, and what there is to show."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.callbacks.fit.chunks import Chunk, numbers
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.controllers import schedule_text
from keras_lr.callbacks.monitoring.events import Events, collect_cuts
from keras_lr.callbacks.monitoring.settings import told_settings
from keras_lr.callbacks.warning import warn
from keras_lr.rate import Control
from keras_lr.rate.leaves import sync
from keras_lr.state.curve_names import losses_of
from keras_lr.state.rate_event import RateEvent
from keras_lr.time_left import TimeLeft
from keras_lr.watch.live.displays import Display
from keras_lr.watch.live.progress import Progress, State
from keras_lr.watch.live.showing import Showing
from keras_lr.watch.live.trace import Trace
from keras_lr.watch.run import Run

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds between two points of a curve: first the one, and the other from some hours on."""
LOOKS = 10
"""Times that it looks at the clock between two points, about."""
POINTS = 400
"""Points that a curve has before they come more slowly."""


class Watching:
    """What `Live` knows of one fit, from the begin of its first epoch to its end.

    Args:
        control: What the callbacks of the fit share.
        clock: Of the fit, whose first epoch has begun.
        trace: Where curves are kept, perhaps with those of a fit before.
        name: What the run is called.
        earlier: Whether what changed the rate in earlier fits belongs to the run.
        shown: Where it is shown.
    """

    def __init__(
        self,
        control: Control,
        clock: Clock,
        trace: Trace,
        *,
        name: str,
        earlier: bool,
        shown: Sequence[Display],
    ) -> None:
        self._control, self._clock, self._trace = control, clock, trace
        self._chunk, self._left = Chunk(), TimeLeft()
        self._began = self._asked = time.monotonic()
        self._pointed = False
        self._last: tuple[int, Mapping[str, Any]] | None = None
        self._known: dict[str, Any] = {
            "name": name,
            "schedule": schedule_text(control.model),
            "epochs_planned": clock.epochs,
            "steps_per_epoch": clock.steps_per_epoch,
            "settings": told_settings(control.optimizer),
        }
        self._watched = Events(control, clock, earlier=earlier)
        self._events: list[RateEvent] = []
        self._collect(clock.epoch - 1)
        control.hear_assignments()
        self._looking = control.between.look(control, 1, self._between_steps)
        self._total = control.between.total
        self._showing = Showing(control.model, shown, self.look)

    def begin_epoch(self, epoch: int, params: Mapping[str, Any] | None) -> None:
        """Another epoch begins.

        Args:
            epoch: Its number.
            params: What Keras tells callbacks of the fit.
        """
        self._clock.begin_epoch(epoch, params)
        self._take_last()
        self._chunk.begin_epoch()
        if self._pointed:  # an epoch that is over soon has one point, at its end
            self._asked = time.monotonic()
        self._pointed = False

    def end_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Take in the epoch's values, and let its logs have the rate."""
        control = self._control
        sync(control.model)
        control.log(logs)
        self._last = epoch, logs  # callbacks listed later add to it
        self._chunk.add(control.between.counted, control.between.logs)
        # The mean of the few steps since the last point says little: they count with the next ones.
        self._pointed = not self._pointed or time.monotonic() - self._asked > SHORTEST / 2
        rates = {key: float(logs[key]) for key in control.log_keys if key in logs}
        self._add(rates, losses=self._pointed)
        self._take_last(keep=True)
        self._collect(epoch)

    def end(self) -> None:
        """Show the end."""
        self._take_last()
        self._collect()
        self._add({})
        self._showing.end("done")

    def tell_problems(self) -> None:
        """Warn of what can't be shown any more."""
        problems, self._showing.problems = self._showing.problems, []
        for problem in problems:
            warn(f"Live goes on without {problem}")

    def look(self, state: State) -> tuple[Run, Progress]:
        """What there is, from any thread.

        Args:
            state: Of the fit.
        """
        now, clock = time.monotonic(), self._clock
        done, batches, left = clock.done, clock.batches, None
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
        run = self._trace.run(events=self._events, done=state == "done", **self._known)
        return run, progress

    def _between_steps(self, logs: Mapping[str, Any]) -> None:
        """Between two steps, often; mostly it isn't time to ask."""
        control = self._control
        now, total = time.monotonic(), control.between.total
        if now - self._asked < min(LONGEST, max(SHORTEST, (now - self._began) / POINTS)):
            return
        self._asked = now
        self._looking.every = max(1, (total - self._total) // LOOKS)
        self._total = total
        self._chunk.add(control.between.counted, logs)
        with control.peeking():
            collect_cuts(control, self._clock.epoch)
            self._collect(self._clock.epoch - 1)
            self._add(dict(zip(control.log_keys, control.read(updates_ago=1), strict=True)))
        self._pointed = True

    def _add(self, rates: Mapping[str, float], *, losses: bool = True) -> None:
        """A point of the curves: the mean losses since the last one, and the rates."""
        means = self._chunk.take() if losses and self._chunk.batches else {}
        means = {name: means[name] for name in losses_of(means)}
        self._trace.add(self._clock.updates, {**means, **rates})

    def _take_last(self, *, keep: bool = False) -> None:
        """Take in the values of the last epoch that ended."""
        if self._last is None:
            return
        epoch, logs = self._last
        self._trace.add_epoch(epoch, numbers(logs))
        if not keep:
            self._last = None
        if self._known["steps_per_epoch"] is None:
            # Data without a length: now it is known.
            done = self._control.between.done
            self._known["steps_per_epoch"] = done / self._clock.accumulated or None

    def _collect(self, over: int | None = None) -> None:
        """Note what has changed the rate in this run, once `over` is the last epoch that is over.

        What a terminal has told can't be taken back: so nothing that may turn out a schedule's.
        """
        self._events = self._watched.all(over)
