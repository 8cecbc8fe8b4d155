"""The state of a model in memory, to return to after a divergence or to its best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.rate import leaves, rate_variable
from keras_lr.rate.plain import plain_variables
from keras_lr.state.random_state import restore_keras_seed, take_keras_seed


@dataclass(frozen=True)
class Snapshot:
    """Copies of all that training changes in a model: weights, statistics, seeds, optimizer.

    The order of the data isn't among it: Python's, NumPy's and torch's generators draw that, and go on.

    Args:
        values: Each variable with a copy of its value.
        epoch: Epochs that were finished when it was taken.
        whole: Whether the metrics are among the values.
        seed: The state of Keras's global generator, from which layers and functions draw that have
            none of their own; where it was asked for and there is one.
    """

    values: list[tuple[Any, np.ndarray]]
    epoch: int
    whole: bool = False
    seed: np.ndarray | None = None

    @classmethod
    def take(cls, model: Any, epoch: int, *, whole: bool = False) -> "Snapshot | None":
        """Copy the state of `model` to the host; `None` while the model has no weights yet.

        Args:
            model: A compiled model.
            epoch: Epochs that are finished.
            whole: Copy the metrics and Keras's global seed too, for a return into the middle of
                an epoch.
        """
        if not model.trainable_variables:
            return None
        variables = _variables(model, metrics=whole)
        copies = [(v, np.array(as_numpy(v), copy=True)) for v in variables]
        return cls(copies, epoch, whole, take_keras_seed() if whole else None)

    def restore(self, model: Any) -> None:
        """Assign the copied state to `model`, the optimizer's rate left as it is."""
        keep = {id(rate_variable(leaf)) for leaf in leaves(model.optimizer)}
        for variable, value in self.values:
            if id(variable) not in keep:
                variable.assign(value)
        if self.seed is not None:
            restore_keras_seed(self.seed)

    def to_state(self) -> dict[str, Any]:
        """As JSON values and arrays; `from_state` is the way back."""
        return {
            "epoch": self.epoch,
            "values": [value for _, value in self.values],
            "whole": self.whole,
            "seed": self.seed,
        }

    @classmethod
    def from_state(cls, model: Any, state: Mapping[str, Any]) -> "Snapshot":
        """What `to_state` gave, for a model like the one that it was taken of."""
        variables = _variables(model, metrics=state["whole"])
        # The metrics come last, and TensorFlow builds them in the first step.
        values = list(zip(variables, state["values"], strict=False))
        return cls(values, state["epoch"], state["whole"], state["seed"])


def _variables(model: Any, *, metrics: bool) -> list[Any]:
    if not model.optimizer.built:
        # TensorFlow builds it in the first step, and its first state is wanted here.
        model.optimizer.build(model.trainable_variables)
    extra = model.metrics_variables if metrics else []
    return [*model.variables, *plain_variables(model.optimizer), *extra]


def is_finite(model: Any) -> bool:
    """Whether every floating-point weight of the model is finite."""
    return all(
        bool(np.isfinite(value).all())
        for value in (as_numpy(v) for v in model.variables)
        if np.issubdtype(value.dtype, np.floating)
    )


def as_numpy(variable: Any) -> np.ndarray:
    """The value of a Keras variable on the host."""
    import keras

    return np.asarray(keras.ops.convert_to_numpy(variable))
