"""`LearningRateMonitor`: the rate, its parts and what it does to the weights, where people look."""

import os
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import keras

from keras_lr.callbacks.fit.chunks import Chunk
from keras_lr.callbacks.fit.preflight import renew_step, warn_listed_before
from keras_lr.callbacks.monitoring import arguments
from keras_lr.callbacks.monitoring.arguments import DEFAULT
from keras_lr.callbacks.monitoring.destinations import (
    Destination,
    RecordFile,
    TensorBoard,
    numbers,
)
from keras_lr.callbacks.monitoring.intervals import SPARE, is_measured
from keras_lr.callbacks.monitoring.norms import grouped, norms
from keras_lr.callbacks.monitoring.parts import Events, rate_parts, schedule_text
from keras_lr.callbacks.monitoring.settings import Settings, told_settings
from keras_lr.rate import Control, leaf_names, samples_per_batch
from keras_lr.rate.detection.detectors import Detectors
from keras_lr.rate.detection.norms import LeafNorms
from keras_lr.rate.detection.statistics import NORMS, measure, watches
from keras_lr.rate.detection.statistics import value as statistic
from keras_lr.rate.leaves import chain
from keras_lr.state.run_lines import VERSION


class LearningRateMonitor(keras.callbacks.Callback):
    """Log what reaches the weights: the rate, what it is made of, and what it does to them.

    What is logged is what reached the interval's last update: the schedule's value where one is at
    work, and what the compiled step holds where the optimizer's attribute says something else
    since. (`LearningRate` and the other callbacks of keras-lr log the rate, and what they schedule,
    by themselves.) Norms are measured inside the training step; nothing waits for the host but at
    the end of an interval.

    List it after `LearningRate`, and before callbacks that write logs (`CSVLogger`, trackers).

    Args:
        settings: What to log beside the rate: `"momentum"` (which is `beta_1` of Adam and its
            relatives), `"weight_decay"`, `"batch_size"` (samples of one update: those of a batch
            times `gradient_accumulation_steps`), or another number among the optimizer's attributes,
            such as `"beta_2"`. What isn't there is left out; `settings=()` logs the rate alone.
        statistics: What to measure inside the training step: `"gradient_norm"` (‖g‖ as the update
            uses it, clipped and accumulated), `"weight_norm"` (‖w‖ after it), `"update_ratio"`
            (‖Δw‖/‖w‖, weight decay included), `"alignment"` (the epoch's mean alignment of the
            gradients with the update before; below 0, they take it back) and `"norm_equilibrium"`
            (the epoch's trend of ‖w‖² in standard errors: near 0 the weights have come to rest. It
            needs weight decay; without it the norm drifts at any rate.) By default the first three
            where there is a `record` or a `tensorboard`, and none otherwise.
        groups: Of what the first three are told apart, as `update_ratio/GROUP`: `"layer"`, or a
            mapping from names to layers or patterns of their names, of which the first that covers
            a variable has it. By default the members of a `MultiOptimizer`.
        every: `"epoch"`, or the updates of an interval: the record and TensorBoard then get values
            at each such update too, the mean loss of the interval among them.
        parts: Whether the logs get what the rate is made of too: `rate/base`, `rate/schedule` and
            `rate/RULE`, whose product is the rate. (The record and TensorBoard always do.)
        record: The path of a run record, which `keras_lr.report`, `diagnose` and
            `keras-lr doctor` read (`keras_lr.watch.Run.read`): a JSON object a line, written at
            once, so that it survives a crash. What is there is kept: a fit that goes on after a
            crash goes on in the record, and one that begins anew is another run in it, also while
            the first goes on.
        tensorboard: A folder for this run, written as `keras.callbacks.TensorBoard` does, on any
            backend, without TensorFlow (`pip install "keras-lr[tensorboardx]"`).
        name: What the record calls the run; by default what its file is called.

    Raises:
        InvalidInput: An argument is no such thing; before training, when a setting is neither the
            name of a Keras optimizer's argument nor an attribute of the optimizer, a group covers
            nothing in the model, or the record can't be written.
        MissingExtra: `tensorboard` without the package that writes for it.
    """

    _hears_resume = True
    """`set_state` takes `resume`."""

    def __init__(
        self,
        settings: Iterable[str] = DEFAULT,
        *,
        statistics: Iterable[str] | None = None,
        groups: Literal["layer"] | Mapping[str, Any] | None = None,
        every: Literal["epoch"] | int = "epoch",
        parts: bool = False,
        record: str | os.PathLike[str] | None = None,
        tensorboard: str | os.PathLike[str] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.settings = arguments.checked_settings(settings)
        self.record = arguments.checked_place("record", record)
        self.tensorboard = arguments.checked_place("tensorboard", tensorboard)
        if self.tensorboard is not None:
            arguments.check_tensorboard()
        if statistics is None:
            statistics = () if self.record is None and self.tensorboard is None else NORMS
        self.statistics = arguments.checked_statistics(statistics)
        self.groups = arguments.checked_groups(groups)
        self.every = arguments.checked_every(every)
        self.parts = bool(parts)
        self.name = None if name is None else str(name)
        self._norms_asked = tuple(each for each in self.statistics if each in NORMS)
        self._control: Control | None = None
        self._destinations: list[Destination] = []
        self._resumed: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Look at what is there to log, and open what is written to."""
        control = self._control = Control.join(self.model, self)
        self._detectors: Detectors | None = None
        self._norms: LeafNorms | None = None
        self._begun = False
        self._run = uuid.uuid4().hex[:8]
        self._destinations = []
        try:
            self._settings = Settings(control, self.settings)
            if self.record is not None:
                self._destinations.append(RecordFile(self.record))
            if self.tensorboard is not None:
                self._destinations.append(TensorBoard(self.tensorboard))
        except BaseException:
            control.leave(self)
            raise
        warn_listed_before(self.model, self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at what the compiled step holds."""
        control: Any = self._control
        batches = int((self.params or {}).get("steps") or 0)
        control.place.start(epoch * batches)
        control.between.before_next(lambda: self._begin_counting(control, batches))
        if not self._begun:
            self._begin(control, batches)
            control.baked.begin(control.model, control.settings.followed)
            control.hear_assignments()
            self._tell_begin(control, epoch, batches)
            self._begun = True
        else:
            renew_step(control, epoch)
            self._chunk.begin_epoch()
        self._epoch = epoch
        self._batches = batches
        self._settings.begin_epoch()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log, and write the epoch down."""
        control: Any = self._control
        model = self.model  # on JAX this syncs the training state, which read() needs
        if logs is None or model is None:
            return
        control.log(logs)
        for key, value in self._settings.values().items():
            logs.setdefault(key, value)
        for key, value in {**self._measured(), **self._watched()}.items():
            logs.setdefault(key, value)
        parts = rate_parts(control) if self.parts or self._destinations else {}
        if self.parts:
            for key, value in parts.items():
                logs.setdefault(key, value)
        if not self._destinations:
            return
        if self.every is not None:
            self._chunk.add(control.between.counted, control.between.logs)
            if control.between.due(self._batches_every):
                self._tell_step(logs, parts)
        self._tell_events(epoch)
        for each in self._destinations:
            each.epoch(epoch, self._updates(), {**parts, **numbers(logs)})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave."""
        if self._control is None:
            return
        if self._begun and self._destinations:
            self._tell_events()
            for each in self._destinations:
                each.end(self._epoch, self._updates())
        self._control.leave(self)
        self._control = self._detectors = self._norms = None
        self._destinations = []

    def get_state(self) -> dict[str, Any]:
        """The interval that isn't over, as JSON values."""
        return {"every": self.every, "chunk": self._chunk.get_state(), "run": self._run}

    def set_state(
        self, state: Mapping[str, Any], *, resume: Mapping[str, Any] | None = None
    ) -> None:
        """Let the next fit go on from what `get_state` gave; `BackupAndRestore` calls it.

        Args:
            state: What `get_state` gave.
            resume: How and where that fit goes on; by default at an epoch's begin.
        """
        self._resumed = state, resume or {}

    def forget_state(self) -> None:
        """Undo `set_state`: the fit that was to go on didn't begin."""
        self._resumed = None

    # -- what is measured -----------------------------------------------------------------------

    def _begin(self, control: Control, batches: int) -> None:
        """Put in place what measures inside the step."""
        self._watches = watches(self.statistics)
        if self._watches:
            self._detectors = control.detect(self, [self._watches] * len(control.leaves))
        accumulated = self._accumulated = control.leaves[0].gradient_accumulation_steps or 1
        self._batches_every = (self.every or 0) * accumulated
        self._chunk = Chunk()
        if self._resumed is not None:
            (state, resume), self._resumed = self._resumed, None
            self._run = state.get("run") or self._run
            if state["every"] == self.every and not resume.get("recut"):
                self._chunk.set_state(state["chunk"])
                if not resume.get("batch"):
                    self._chunk.begin_epoch()
        scaled = keras.optimizers.LossScaleOptimizer
        self._spare = SPARE * any(isinstance(each, scaled) for each in chain(control.optimizer))
        if self._norms_asked:
            changes = "update_ratio" in self._norms_asked
            self._norms = control.measure(self, self._is_measured, changes=changes)
            names = leaf_names(control.optimizer)
            self._groups = grouped(self.groups, control.model, self._norms.weights(), names)
        if self.every is not None and self._destinations:
            control.between.look(control, self._batches_every, self._look)

    def _begin_counting(self, control: Control, batches: int) -> None:
        """Begin the epoch's count, if none of the others has, which have all had their turn now."""
        if not control.between.fresh:
            control.between.begin_epoch(batches)

    def _is_measured(self, coming: int) -> bool:
        """Whether an execution of so many batches may do an update whose norms are told."""
        control: Any = self._control
        return is_measured(
            control.between.total,
            control.between.done,
            coming,
            every=self._batches_every if self._destinations else 0,
            batches=self._batches,
            accumulated=self._accumulated,
            spare=self._spare,
        )

    def _measured(self) -> dict[str, float]:
        """The norms at the last update; nothing where that one wasn't measured."""
        if self._norms is None:
            return {}
        found = self._norms.measured(each_was=not self._batches)
        return norms(found, self._groups, self._norms_asked)

    def _watched(self) -> dict[str, float]:
        """The other statistics, of the epoch, which begin anew."""
        control: Any = self._control
        detectors, found = self._detectors, {}
        if detectors is None:
            return found
        measures = [watch.measure for watch in self._watches]
        for name in self.statistics:
            if name in NORMS:
                continue
            states = detectors.states(measures.index(measure(name)))
            for key, state in zip(control.log_keys, states, strict=True):
                value = None if state is None else statistic(name, state)
                if value is not None:
                    found[key.replace("learning_rate", name, 1)] = value
        for index in range(len(self._watches)):
            detectors.begin(index)
        return found

    # -- what is written ------------------------------------------------------------------------

    def _look(self, logs: Mapping[str, Any]) -> None:
        """An interval is over, inside an epoch."""
        control: Any = self._control
        self._chunk.add(control.between.counted, logs)
        with control.peeking():
            self._events.collect(self._epoch)
            self._tell_step({}, rate_parts(control))
        self._tell_events(self._epoch - 1)

    def _tell_step(self, logs: Mapping[str, Any], parts: Mapping[str, float]) -> None:
        """Write down the values at the last update.

        Args:
            logs: Rates that are in them were read before anybody changed one.
            parts: Of the rate.
        """
        control: Any = self._control
        rates = dict(zip(control.log_keys, control.read(updates_ago=1), strict=True))
        rates = {key: float(logs.get(key, rate)) for key, rate in rates.items()}
        values = {**self._chunk.take(), **rates, **parts}
        values |= self._settings.values() | self._measured()
        for each in self._destinations:
            each.step(self._updates(), values)

    def _tell_begin(self, control: Control, epoch: int, batches: int) -> None:
        self._events = Events(control, batches, self._accumulated)
        if not self._destinations:
            return
        head = {
            "version": VERSION,
            "run": self._run,
            "name": self.name,
            "epoch": epoch,
            "step": self._updates(),
            "epochs": int((self.params or {}).get("epochs") or 1),
            "steps_per_epoch": batches / self._accumulated if batches else None,
            "schedule": schedule_text(control.model),
            "settings": {
                **told_settings(control.optimizer),
                "batch_size": self._batch_size(),
                "gradient_accumulation_steps": self._accumulated,
                "groups": list(self._groups) if self._norms is not None else [],
            },
        }
        for each in self._destinations:
            each.begin(head)

    def _tell_events(self, over: int | None = None) -> None:
        for event in self._events.new(over):
            for each in self._destinations:
                each.event(event)

    def _batch_size(self) -> float | None:
        control: Any = self._control
        size = samples_per_batch(control.model)
        return None if size is None else size * self._accumulated

    def _updates(self) -> int:
        control: Any = self._control
        return max(0, control.place.done // self._accumulated)
