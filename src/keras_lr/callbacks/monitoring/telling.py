"""What a monitor tells its destinations, from the first epoch's begin to the fit's end."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.callbacks.fit.chunks import Chunk, numbers
from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.controllers import schedule_text
from keras_lr.callbacks.monitoring.destinations import Destination
from keras_lr.callbacks.monitoring.events import Events, collect_cuts
from keras_lr.callbacks.monitoring.measuring import Measuring
from keras_lr.callbacks.monitoring.parts import rate_parts
from keras_lr.callbacks.monitoring.settings import Settings, told_settings
from keras_lr.rate import Control, full_batch
from keras_lr.state.run_lines import VERSION


class Telling:
    """Tells what there is at the ends of intervals and epochs.

    Args:
        destinations: Whom; at least one.
        control: What the callbacks of the fit share.
        clock: Of the fit.
        settings: What of the optimizer is told.
        measuring: What is measured inside the step.
        chunk: The batches of the interval so far.
        every: Batches of an interval; 0 where an epoch is one.
    """

    def __init__(
        self,
        destinations: Sequence[Destination],
        control: Control,
        clock: Clock,
        *,
        settings: Settings,
        measuring: Measuring,
        chunk: Chunk,
        every: int,
    ) -> None:
        self._destinations = list(destinations)
        self._control, self._clock = control, clock
        self._settings, self._measuring = settings, measuring
        self._chunk, self._every = chunk, every
        self._events = Events(control, clock)
        if every:
            control.between.look(control, every, self._end_interval)

    def begin(self, run: str, name: str | None) -> None:
        """The first epoch begins.

        Args:
            run: What the record's lines call the run.
            name: What the reader calls it.
        """
        clock, model = self._clock, self._control.model
        size = full_batch(model)
        head = {
            "version": VERSION,
            "run": run,
            "name": name,
            "epoch": clock.epoch,
            "step": clock.updates,
            "epochs": clock.epochs,
            "steps_per_epoch": clock.steps_per_epoch,
            "schedule": schedule_text(model),
            "settings": {
                **told_settings(self._control.optimizer),
                "batch_size": None if size is None else size * clock.accumulated,
                "gradient_accumulation_steps": clock.accumulated,
                "groups": self._measuring.groups,
            },
        }
        for each in self._destinations:
            each.begin(head)

    def end_epoch(self, logs: Mapping[str, Any], parts: Mapping[str, float]) -> None:
        """An epoch is over.

        Args:
            logs: Its values.
            parts: Of the rate.
        """
        between, epoch = self._control.between, self._clock.epoch
        if self._every:
            self._chunk.add(between.counted, between.logs)
            if between.due(self._every):
                self._tell_step(logs, parts)
        self._tell_events(epoch)
        for each in self._destinations:
            each.epoch(epoch, self._clock.updates, {**parts, **numbers(logs)})

    def end(self) -> None:
        """The fit is over."""
        self._tell_events()
        for each in self._destinations:
            each.end(self._clock.epoch, self._clock.updates)

    def _end_interval(self, logs: Mapping[str, Any]) -> None:
        """An interval is over, inside an epoch."""
        control, epoch = self._control, self._clock.epoch
        self._chunk.add(control.between.counted, logs)
        with control.peeking():
            collect_cuts(control, epoch)
            self._tell_step({}, rate_parts(control, self._clock))
        self._tell_events(epoch - 1)

    def _tell_step(self, logs: Mapping[str, Any], parts: Mapping[str, float]) -> None:
        """Tell the values at the last update.

        Args:
            logs: Rates that are in them were read before anybody changed one.
            parts: Of the rate.
        """
        control = self._control
        rates = dict(zip(control.log_keys, control.read(updates_ago=1), strict=True))
        rates = {key: float(logs.get(key, rate)) for key, rate in rates.items()}
        values = {**self._chunk.take(), **rates, **parts}
        values |= self._settings.values() | self._measuring.norms()
        for each in self._destinations:
            each.step(self._clock.updates, values)

    def _tell_events(self, over: int | None = None) -> None:
        for event in self._events.new(over):
            for each in self._destinations:
                each.event(event)
