"""The last good state of a model, to return to after a divergence."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.rate import leaves, rate_variable


@dataclass(frozen=True)
class Snapshot:
    """Copies of everything that training changes: weights, statistics, RNG, optimizer.

    Args:
        values: Each variable with a copy of its value.
        epoch: Epochs that were finished when it was taken.
    """

    values: list[tuple[Any, np.ndarray]]
    epoch: int

    @classmethod
    def take(cls, model: Any, epoch: int) -> "Snapshot | None":
        """Copy the state of `model` to the host; `None` while the model has no weights yet."""
        if not model.trainable_variables:
            return None
        if not model.optimizer.built:
            # TensorFlow builds it in the first step, and its first state is wanted here.
            model.optimizer.build(model.trainable_variables)
        variables = [*model.variables, *model.optimizer.variables]
        return cls([(v, np.array(_numpy(v), copy=True)) for v in variables], epoch)

    def restore(self, model: Any) -> None:
        """Assign the copied state to `model`, the optimizer's rate left as it is."""
        keep = {id(rate_variable(leaf)) for leaf in leaves(model.optimizer)}
        for variable, value in self.values:
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
