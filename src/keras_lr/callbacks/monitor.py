"""`LearningRateMonitor`: the rate, its parts and what it does to the weights, where people look."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import keras

from keras_lr.callbacks.fit.preflight import refuse_second_fit, warn_listed_before
from keras_lr.callbacks.monitoring import arguments
from keras_lr.callbacks.monitoring.arguments import DEFAULT
from keras_lr.callbacks.monitoring.monitored_fit import MonitoredFit
from keras_lr.rate import Control
from keras_lr.rate.detection.statistics import NORMS


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
            backend, without TensorFlow (`pip install "keras-lr[tensorboard]"`).
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
        self._fit: MonitoredFit | None = None
        self._left: Mapping[str, Any] = {}
        self._resumed: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def set_model(self, model: Any) -> None:
        """Keras begins a fit of the model with it."""
        refuse_second_fit(self, model)
        super().set_model(model)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Look at what is there to log, and open what is written to."""
        control = Control.join(self.model, self)
        try:
            self._fit = MonitoredFit(self, control)
        except BaseException:
            self._fit = None
            control.leave(self)
            raise
        warn_listed_before(self.model, self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at what the compiled step holds; with the first, put in place what measures."""
        if self._fit is None:
            return
        if self._resumed is not None and not self._fit.begun:
            (state, resume), self._resumed = self._resumed, None
            self._fit.go_on(state, resume)
        self._fit.begin_epoch(epoch, self.params)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log, and write the epoch down."""
        if self._fit is not None and logs is not None:
            self._fit.end_epoch(logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave."""
        if self._fit is None:
            return
        self._fit.end()
        self._fit.control.leave(self)
        self._left, self._fit = self._fit.get_state(), None

    def get_state(self) -> dict[str, Any]:
        """The interval that isn't over, as JSON values; of no fit, empty."""
        return dict(self._left) if self._fit is None else self._fit.get_state()

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
