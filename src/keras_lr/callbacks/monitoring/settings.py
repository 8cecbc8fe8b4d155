"""The optimizer's settings, as the compiled step has them."""

from collections.abc import Iterable
from typing import Any

import keras

from keras_lr.callbacks.monitoring.arguments import setting_attributes
from keras_lr.rate import Control, full_batch
from keras_lr.rate.leaves import batches_per_update, chain, leaves


class Settings:
    """What `LearningRateMonitor(settings=...)` logs, of each leaf.

    Args:
        control: What the callbacks of the fit share.
        names: Of the settings.

    Raises:
        InvalidInput: A name is neither that of a Keras optimizer's argument nor an attribute here.
    """

    def __init__(self, control: Control, names: Iterable[str]) -> None:
        names = tuple(names)
        self._control = control
        self._sized = "batch_size" in names
        self._names = setting_attributes(control.optimizer, names)
        self._in_step: dict[str, list[float | None]] = {}

    def begin_epoch(self) -> None:
        """Note what the compiled step holds, which is what the epoch's updates use."""
        self._in_step = {name: self._held(names) for name, names in self._names.items()}

    def values(self) -> dict[str, float]:
        """Each setting at the last update, by its key in the logs."""
        control = self._control
        found = {
            key.replace("learning_rate", name, 1): value
            for name, values in self._values().items()
            for key, value in zip(control.log_keys, values, strict=True)
            if value is not None
        }
        if self._sized and (size := full_batch(control.model)) is not None:
            found["batch_size"] = size * batches_per_update(control.leaves[0])
        return found

    def _values(self) -> dict[str, list[float | None]]:
        control = self._control
        followed = control.settings.followed
        found = {}
        for name, names in self._names.items():
            values = list(self._in_step[name]) if control.baked.constant else self._held(names)
            for index, attribute in enumerate(names):
                if attribute in followed:
                    values[index] = control.settings.read(attribute, updates_ago=1)[index]
            found[name] = values
        return found

    def _held(self, names: list[str | None]) -> list[float | None]:
        control = self._control
        return [
            None if attribute is None else control.baked.value(leaf, attribute)
            for leaf, attribute in zip(control.leaves, names, strict=True)
        ]


def told_settings(optimizer: Any) -> dict[str, Any]:
    """What a model was trained with, for a reader: optimizers, the first one's numbers, the backend.

    Args:
        optimizer: The model's, wrapped or not.
    """
    found = chain(optimizer)
    names = [type(each).__name__ for each in found]
    told: dict[str, Any] = {"optimizer": names[0], "backend": keras.backend.backend()}
    if len(names) > 1:
        told["optimizers"] = names[1:]
    for leaf in leaves(optimizer)[:1]:
        for name, value in leaf.get_config().items():
            if name not in ("name", "learning_rate") and isinstance(value, int | float | str):
                told.setdefault(name, value)
    return told
