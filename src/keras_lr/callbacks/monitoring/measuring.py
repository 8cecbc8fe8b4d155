"""What a monitor measures inside the training step, from the first epoch's begin to the fit's end."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_lr.callbacks.monitoring.clock import Clock
from keras_lr.callbacks.monitoring.groups import Members, grouped, norms
from keras_lr.callbacks.monitoring.intervals import SPARE, is_measured
from keras_lr.rate import Control, leaf_names
from keras_lr.rate.detection.statistics import NORMS, OF_EPOCH
from keras_lr.rate.leaves import chain


class Measuring:
    """Norms of some updates, and statistics of an epoch's.

    Args:
        owner: The monitor.
        control: What the callbacks of the fit share.
        clock: Of the fit.
        names: Of the statistics.
        groups: Of the variables whose norms are told apart (see `groups.grouped`).
        every: Batches of an interval; 0 where an epoch is one.

    Raises:
        InvalidInput: Something in `groups` covers nothing.
    """

    def __init__(
        self,
        owner: object,
        control: Control,
        clock: Clock,
        *,
        names: Sequence[str],
        groups: Any,
        every: int,
    ) -> None:
        self._control, self._clock = control, clock
        self._every = every
        self._norms = tuple(each for each in names if each in NORMS)
        self._of_epoch = {name: OF_EPOCH[name] for name in names if name in OF_EPOCH}
        self._detectors = None
        if self._of_epoch:
            watches = [each.watch for each in self._of_epoch.values()]
            self._detectors = control.detect(owner, [watches] * len(control.leaves))
        scaled = keras.optimizers.LossScaleOptimizer
        self._spare = SPARE * any(isinstance(each, scaled) for each in chain(control.optimizer))
        self._leaf_norms = None
        self._groups: Members = {}
        if self._norms:
            changes = "update_ratio" in self._norms
            self._leaf_norms = control.measure(owner, self._is_measured, changes=changes)
            leaves = leaf_names(control.optimizer)
            self._groups = grouped(groups, control.model, self._leaf_norms.weights(), leaves)

    @property
    def groups(self) -> list[str]:
        """The names of the groups."""
        return list(self._groups)

    def norms(self) -> dict[str, float]:
        """The norms at the last update; nothing where that one wasn't measured."""
        if self._leaf_norms is None:
            return {}
        found = self._leaf_norms.measured(each_was=not self._clock.batches)
        return norms(found, self._groups, self._norms)

    def of_epoch(self) -> dict[str, float]:
        """The other statistics, of the epoch, which begin anew."""
        detectors, found = self._detectors, {}
        if detectors is None:
            return found
        for index, (name, statistic) in enumerate(self._of_epoch.items()):
            states = detectors.states(index)
            for key, state in zip(self._control.log_keys, states, strict=True):
                value = None if state is None else statistic.read(state)
                if value is not None:
                    found[key.replace("learning_rate", name, 1)] = value
            detectors.begin(index)
        return found

    def _is_measured(self, coming: int) -> bool:
        """Whether an execution of so many batches may do an update whose norms are told."""
        between = self._control.between
        return is_measured(
            between.total,
            between.done,
            coming,
            every=self._every,
            batches=self._clock.batches,
            accumulated=self._clock.accumulated,
            spare=self._spare,
        )
