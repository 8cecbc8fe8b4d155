"""A model as it was before a backup was put into it, in case the run is refused after all."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_lr.state.random_state import RandomState
from keras_lr.state.snapshot import as_numpy


class Untouched:
    """Copies of all that a backup overwrites.

    Args:
        model: Before the backup is put back.
        optimizers: Those beside the one that it was compiled with.
    """

    def __init__(self, model: Any, optimizers: Iterable[Any]) -> None:
        self._model = model
        self._optimizers = [each for each in (model.optimizer, *optimizers) if each is not None]
        own = [variable for each in self._optimizers for variable in each.variables]
        self._values = [
            (variable, np.array(as_numpy(variable), copy=True))
            for variable in (*model.variables, *model.metrics_variables, *own)
        ]
        self._first_epoch = getattr(model, "_initial_epoch", None)
        self._random = RandomState.take()

    def put_back(self) -> None:
        """Make the model what it was."""
        for variable, value in self._values:
            variable.assign(value)
        self._model._initial_epoch = self._first_epoch
        self._random.restore()
