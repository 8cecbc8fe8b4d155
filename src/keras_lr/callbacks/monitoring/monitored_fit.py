"""One fit that a monitor watches, from its begin to its end."""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_lr.callbacks.fit.chunks import Chunk
from keras_lr.callbacks.fit.preflight import renew_step
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.destinations import Destination, RecordFile, TensorBoard
from keras_lr.callbacks.monitoring.measuring import Measuring
from keras_lr.callbacks.monitoring.parts import rate_parts
from keras_lr.callbacks.monitoring.settings import Settings
from keras_lr.callbacks.monitoring.telling import Telling
from keras_lr.rate import Control
from keras_lr.rate.leaves import sync

if TYPE_CHECKING:
    from keras_lr.callbacks.monitor import LearningRateMonitor


class MonitoredFit:
    """What is there to log in one fit, what measures it, and where it is written.

    Args:
        monitor: The callback, whose arguments say what.
        control: What the callbacks of the fit share.

    Raises:
        InvalidInput: A setting is no attribute of the optimizer, or the record can't be written.
    """

    def __init__(self, monitor: "LearningRateMonitor", control: Control) -> None:
        self.control = control
        self._monitor = monitor
        self._run = uuid.uuid4().hex[:8]
        self._clock = Clock(control)
        self._settings = Settings(control, monitor.settings)
        self._chunk = Chunk()
        self._measuring: Measuring | None = None  # made when the first epoch begins, as the next
        self._telling: Telling | None = None
        self._destinations: list[Destination] = []
        if monitor.record is not None:
            self._destinations.append(RecordFile(monitor.record))
        if monitor.tensorboard is not None:
            self._destinations.append(TensorBoard(monitor.tensorboard))

    @property
    def begun(self) -> bool:
        """Whether its first epoch has begun."""
        return self._measuring is not None

    def begin_epoch(self, epoch: int, params: Mapping[str, Any] | None) -> None:
        """Look at what the compiled step holds; with the first, put in place what measures."""
        self._clock.begin_epoch(epoch, params)
        if self.begun:
            renew_step(self.control, epoch)
            self._chunk.begin_epoch()
        else:
            self._begin()
        self._settings.begin_epoch()

    def end_epoch(self, logs: dict[str, Any]) -> None:
        """Log, and write the epoch down."""
        measuring = self._measuring
        if measuring is None:
            return
        sync(self.control.model)
        self.control.log(logs)
        in_logs = self._monitor.parts
        parts = rate_parts(self.control, self._clock) if in_logs or self._telling else {}
        found = {**self._settings.values(), **measuring.norms(), **measuring.of_epoch()}
        for key, value in {**found, **(parts if in_logs else {})}.items():
            logs.setdefault(key, value)
        if self._telling is not None:
            self._telling.end_epoch(logs, parts)

    def end(self) -> None:
        """It is over."""
        if self._telling is not None:
            self._telling.end()

    def get_state(self) -> dict[str, Any]:
        """The interval that isn't over, as JSON values."""
        return {
            "every": self._monitor.every,
            "chunk": self._chunk.get_state(),
            "run": self._run,
        }

    def go_on(self, state: Mapping[str, Any], resume: Mapping[str, Any]) -> None:
        """Take up the run, and the interval that a fit before was in, if this one goes on there.

        Args:
            state: What `get_state` gave.
            resume: How and where this fit goes on.
        """
        if not state:  # of a monitor that was in no fit
            return
        self._run = state.get("run") or self._run
        if state["every"] == self._monitor.every and not resume.get("recut"):
            self._chunk.set_state(state["chunk"])
            if not resume.get("batch"):
                self._chunk.begin_epoch()

    def _begin(self) -> None:
        """Put in place what measures inside the step, and tell that the fit begins."""
        monitor, control = self._monitor, self.control
        every = (monitor.every or 0) * self._clock.accumulated if self._destinations else 0
        self._measuring = Measuring(
            monitor,
            control,
            self._clock,
            names=monitor.statistics,
            groups=monitor.groups,
            every=every,
        )
        if self._destinations:
            self._telling = Telling(
                self._destinations,
                control,
                self._clock,
                settings=self._settings,
                measuring=self._measuring,
                chunk=self._chunk,
                every=every,
            )
        control.baked.begin(control.model, control.settings.followed)
        control.hear_assignments()
        if self._telling is not None:
            self._telling.begin(self._run, monitor.name)
