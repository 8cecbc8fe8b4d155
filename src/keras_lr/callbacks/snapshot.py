"""The last good state of a model, to return to after a divergence."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """Copies of everything that training changes: weights, statistics, RNG, optimizer.

    Args:
        values: One array a variable, in `variables` order.
        epoch: Epochs that were finished when it was taken.
    """

    values: list[np.ndarray]
    epoch: int

    @classmethod
    def take(cls, model: Any, epoch: int) -> "Snapshot":
        """Copy the state of `model` to the host."""
        return cls([np.array(_numpy(v), copy=True) for v in _variables(model)], epoch)

    def restore(self, model: Any) -> None:
        """Assign the copied state to `model`, the optimizer's rate left as it is."""
        keep = {id(v) for v in _rate_variables(model)}
        for variable, value in zip(_variables(model), self.values, strict=True):
            if id(variable) not in keep:
                variable.assign(value)


def is_finite(model: Any) -> bool:
    """Whether every floating-point weight of the model is finite."""
    return all(
        bool(np.isfinite(value).all())
        for value in (_numpy(v) for v in model.variables)
        if np.issubdtype(value.dtype, np.floating)
    )


def _numpy(variable: Any) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))


def _variables(model: Any) -> list[Any]:
    return [*model.variables, *model.optimizer.variables]


def _rate_variables(model: Any) -> list[Any]:
    from keras_lr.rate import leaves
    from keras_lr.rate.followed import FollowedRate

    slots = [leaf._learning_rate for leaf in leaves(model.optimizer)]
    return [slot.variable if isinstance(slot, FollowedRate) else slot for slot in slots]
