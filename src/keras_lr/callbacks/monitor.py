"""`LearningRateMonitor`: the rate in the logs, so that every tracker that reads logs sees it."""

import inspect
from collections.abc import Iterable
from typing import Any

import keras

from keras_lr.callbacks.fit.preflight import renew_step, warn_listed_before
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate import SETTINGS, Control, attributes, leaves, samples_per_batch
from keras_lr.rate.detection.detectors import Detectors
from keras_lr.rate.detection.statistics import STATISTICS, measure, watches
from keras_lr.rate.detection.statistics import value as statistic

_DEFAULT = ("momentum", "weight_decay", "batch_size")


class LearningRateMonitor(keras.callbacks.Callback):
    """Log the rate of each epoch's last update, with momentum, weight decay and batch size.

    What is logged is what reached the update: the schedule's value where one is at work, and what
    the compiled step holds where the optimizer's attribute says something else since. (`LearningRate`
    and the other callbacks of keras-lr log the rate, and what they schedule, by themselves.)

    List it before callbacks that write logs (`CSVLogger`, trackers).

    Args:
        settings: What to log beside the rate: `"momentum"` (which is `beta_1` of Adam and its
            relatives), `"weight_decay"`, `"batch_size"` (samples of one update: those of a batch
            times `gradient_accumulation_steps`), or another number among the optimizer's attributes,
            such as `"beta_2"`. What isn't there is left out; `settings=()` logs the rate alone.

        statistics: What to measure inside the training step and log of each epoch: `"alignment"`
            (the mean alignment of the gradients with the update before; below 0, they take it
            back), `"weight_norm"` (‖w‖ of all weights, at most ten updates before the epoch's end)
            and `"norm_equilibrium"` (the trend of ‖w‖² in standard errors: near 0 the weights have
            come to rest. It needs weight decay; without it the norm drifts at any rate.) See
            docs/oscillation.md.

    Raises:
        InvalidInput: `settings` aren't names, or `statistics` unknown ones; before training, when
            a setting is neither the name of a Keras optimizer's argument nor an attribute of the
            optimizer.
    """

    def __init__(
        self, settings: Iterable[str] = _DEFAULT, *, statistics: Iterable[str] = ()
    ) -> None:
        super().__init__()
        self.statistics = _statistics(statistics)
        self._detectors: Detectors | None = None
        self.settings = _settings(settings)
        self._control: Control | None = None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Look at what is there to log."""
        control = self._control = Control.join(self.model, self)
        self._names = {
            name: _attributes(control.optimizer, name)
            for name in self.settings
            if name != "batch_size"
        }
        for name, found in self._names.items():
            if not any(found) and name not in _known():
                control.leave(self)
                raise InvalidInput(
                    f"The optimizer has no {name!r} to log. {nearest(name, _known())} "
                    f"Received: settings={self.settings!r}."
                )
        self._begun = False
        warn_listed_before(self.model, self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Look at what the compiled step holds."""
        control: Any = self._control
        if not self._begun:
            self._watches = watches(self.statistics)
            if self._watches:
                self._detectors = control.detect(self, [self._watches] * len(control.leaves))
            control.baked.begin(control.model, control.settings.followed)
            control.hear_assignments()
            self._begun = True
        else:
            renew_step(control, epoch)
        self._in_step = {name: self._held(names) for name, names in self._names.items()}

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log."""
        control: Any = self._control
        model = self.model  # on JAX this syncs the training state, which read() needs
        if logs is None or model is None:
            return
        control.log(logs)
        for name, values in self._values().items():
            for key, value in zip(control.log_keys, values, strict=True):
                if value is not None:
                    logs.setdefault(key.replace("learning_rate", name, 1), value)
        for name in self.statistics:
            for key, value in zip(control.log_keys, self._measured(name), strict=True):
                if value is not None:
                    logs.setdefault(key.replace("learning_rate", name, 1), value)
        if self._detectors is not None:
            for index in range(len(self._watches)):
                self._detectors.begin(index)
        if "batch_size" in self.settings and (size := samples_per_batch(model)) is not None:
            accumulated = control.leaves[0].gradient_accumulation_steps or 1
            logs.setdefault("batch_size", size * accumulated)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave."""
        if self._control is not None:
            self._control.leave(self)
            self._control = self._detectors = None

    def _values(self) -> dict[str, list[float | None]]:
        """Each setting at the epoch's last update, for each leaf."""
        control: Any = self._control
        followed = control.settings.followed
        found = {}
        for name, names in self._names.items():
            values = list(self._in_step[name]) if control.baked.constant else self._held(names)
            for index, attribute in enumerate(names):
                if attribute in followed:
                    values[index] = control.settings.read(attribute, updates_ago=1)[index]
            found[name] = values
        return found

    def _measured(self, name: str) -> list[float | None]:
        """A statistic of the epoch, for each leaf."""
        detectors: Any = self._detectors
        found = [watch.measure for watch in self._watches].index(measure(name))
        states = detectors.states(found)
        return [None if state is None else statistic(name, state) for state in states]

    def _held(self, names: list[str | None]) -> list[float | None]:
        control: Any = self._control
        return [
            None if attribute is None else control.baked.value(leaf, attribute)
            for leaf, attribute in zip(control.leaves, names, strict=True)
        ]


def _settings(given: Any) -> tuple[str, ...]:
    found = _several(given)
    if found is None or not all(isinstance(name, str) for name in found):
        raise InvalidInput(
            "settings are names of what to log beside the rate. Write e.g. "
            'settings=("momentum", "weight_decay"), or settings=() for the rate alone. '
            f"Received: settings={given!r}."
        )
    return found


def _known() -> set[str]:
    """What Keras's own optimizers can be made with, and what is no optimizer's."""
    kinds = [
        kind
        for kind in vars(keras.optimizers).values()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    ]
    named = {name for kind in kinds for name in inspect.signature(kind).parameters}
    return {*_DEFAULT, *named} - {"kwargs", "name", "learning_rate"}


def _several(given: Any) -> tuple[Any, ...] | None:
    """One or several as a tuple; `None` for what is neither."""
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, Iterable) else None


def _statistics(names: Any) -> tuple[str, ...]:
    found = _several(names)
    if found is None:
        raise InvalidInput(
            f"statistics are among {', '.join(STATISTICS)}. Write e.g. "
            f'statistics=("alignment",). Received: statistics={names!r}.'
        )
    for name in found:
        if name not in STATISTICS:
            raise InvalidInput(
                f"statistics are among {', '.join(STATISTICS)}. {nearest(str(name), STATISTICS)} "
                f"Received: {name!r}."
            )
    return found


def _attributes(optimizer: Any, name: str) -> list[str | None]:
    """The attribute that each leaf has for a setting; `None` for a leaf that has none."""
    found = leaves(optimizer)
    if name in SETTINGS:
        try:
            return attributes(optimizer, name)
        except InvalidInput:  # none of them has it
            return [None for _ in found]
    return [name if hasattr(leaf, name) else None for leaf in found]
