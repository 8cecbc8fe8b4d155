"""`LearningRateMonitor`: the rate in the logs, so that every tracker that reads logs sees it."""

from typing import Any

import keras

from keras_lr.rate import Control


class LearningRateMonitor(keras.callbacks.Callback):
    """Log the rate of each epoch's last update, and on request other optimizer settings.

    List it before callbacks that write logs (`CSVLogger`, trackers). `LearningRate` and the other
    callbacks of keras-lr log the rate by themselves.

    Args:
        settings: Further attributes of the optimizer to log, such as `"momentum"` or
            `"weight_decay"`; those that it lacks are left out.
    """

    def __init__(self, settings: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.settings = tuple(settings)
        self._control: Control | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Look at what is there to log."""
        self._control = Control.join(self.model, self)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log."""
        control: Any = self._control
        if logs is None:
            return
        model = self.model  # on JAX this syncs the training state, which read() needs
        for key, rate in zip(control.log_keys, control.read(updates_ago=1), strict=True):
            logs.setdefault(key, rate)
        for name in self.settings:
            values = control.settings.read(name, updates_ago=1)
            for key, value in zip(control.log_keys, values, strict=True):
                if value is not None and model is not None:
                    logs.setdefault(key.replace("learning_rate", name, 1), value)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave."""
        if self._control is not None:
            self._control.leave(self)
            self._control = None
