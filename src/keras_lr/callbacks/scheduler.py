"""`LearningRateScheduler`: a function of the epoch sets the rate, as in Keras, without its traps."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import keras

from keras_lr.callbacks.fit.preflight import check_attributes, warn_listed_before
from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.rate import Control, leaf_names
from keras_lr.schedules import Schedule


class LearningRateScheduler(keras.callbacks.Callback):
    """Set the rate at the beginning of every epoch: a superset of Keras's callback.

    What differs from `keras.callbacks.LearningRateScheduler`: an error of the function is raised
    as it is; any number will do as its result (int, numpy or backend scalar); a Keras
    `LearningRateSchedule` will do as the function (called with the epoch); it works with an
    optimizer that was built with a schedule (and replaces it); cuts of a plateau callback stay,
    because what the function sets is the base of base × reduction.

    Args:
        schedule: `f(epoch)` or `f(epoch, learning_rate)`: the rate for the epoch (from 0). The
            second argument is the rate that the function gave last (first: the optimizer's own).
        verbose: 1 prints Keras's line at each epoch.

    Raises:
        InvalidInput: When `schedule` isn't callable, or returns no rate.

    Source: `keras.callbacks.LearningRateScheduler`, Keras 3.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise InvalidInput(
                "LearningRateScheduler needs a function of the epoch. "
                f"Received: schedule={schedule!r}. Write e.g. "
                "LearningRateScheduler(lambda epoch: 0.1 * 0.5 ** (epoch // 10))."
            )
        if isinstance(schedule, Schedule):
            raise InvalidInput(
                f"{schedule} gives factors of the optimizer's rate, step by step, and needs no "
                f'scheduler. Write LearningRate(schedule="{schedule}").'
            )
        self.schedule = schedule
        self.verbose = verbose
        self._two = _takes_rate(schedule)
        self._control: Control | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Join the control of the rate."""
        control = Control.join(self.model, self)
        warn_listed_before(self.model, self)
        try:
            check_attributes(control.optimizer)
            control.claim("LearningRateScheduler")
        except BaseException:
            control.leave(self)
            raise
        self._control = control
        self._batches = int(self.params.get("steps") or 0)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Set the base for this epoch."""
        control = self._control
        assert control is not None
        control.place.start(epoch * self._batches)
        control.adopt()
        if control.replace_own():
            warn(
                "The optimizer was built with a schedule; LearningRateScheduler replaces it for "
                "this fit. Compile with a number to say so plainly."
            )
        values = [
            _rate(self.schedule(epoch, base) if self._two else self.schedule(epoch), epoch)
            for base in control.bases
        ]
        control.set_base(values)
        control.hear_assignments()
        if self.verbose:
            for name, value in zip(_names(control.optimizer), values, strict=True):
                print(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name}learning rate to "
                    f"{value}."
                )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log the rate."""
        control = self._control
        assert control is not None
        if logs is not None:
            control.log(logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave; the optimizer keeps the last rate."""
        if self._control is not None:
            self._control.leave(self)
            self._control = None


def _names(optimizer: Any) -> list[str]:
    """How Keras's lines name each rate: not at all, or by the member of a `MultiOptimizer`."""
    names = leaf_names(optimizer)
    return [""] if len(names) == 1 else [f"{name} " for name in names]


def _takes_rate(schedule: Callable[..., Any]) -> bool:
    """Whether the function takes (epoch, learning_rate), by its signature.

    Keras calls it with two arguments and takes any TypeError, also one of the user's own code, for
    a sign that it takes one.
    """
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return False
    try:
        inspect.signature(schedule).bind(0, 0.1)
    except (TypeError, ValueError):
        return False
    return True


def _rate(value: Any, epoch: int) -> float:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        number = math.nan
    else:
        try:
            number = float(keras.ops.convert_to_numpy(value))
        except (TypeError, ValueError):
            number = math.nan
    if not math.isfinite(number) or number < 0:
        raise InvalidInput(
            f"The schedule must return a rate: a finite number, 0 or more. "
            f"Received: {value!r} for epoch {epoch}."
        )
    return number
