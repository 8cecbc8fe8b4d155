"""The state of a model in memory, to return to after a divergence or to its best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.rate import leaves, rate_variable
from keras_lr.rate.plain import plain_variables
from keras_lr.state.random_state import RandomState


@dataclass(frozen=True)
class Snapshot:
    """Copies of everything that training changes: weights, statistics, RNG, optimizer.

    Args:
        values: Each variable with a copy of its value.
        epoch: Epochs that were finished when it was taken.
        random: The global random state, where that was asked for.
    """

    values: list[tuple[Any, np.ndarray]]
    epoch: int
    random: RandomState | None = None

    @classmethod
    def take(cls, model: Any, epoch: int, *, whole: bool = False) -> "Snapshot | None":
        """Copy the state of `model` to the host; `None` while the model has no weights yet.

        Args:
            model: A compiled model.
            epoch: Epochs that are finished.
            whole: Copy the metrics and the global random state too, for a return into the middle
                of an epoch.
        """
        if not model.trainable_variables:
            return None
        variables = _variables(model, metrics=whole)
        copies = [(v, np.array(as_numpy(v), copy=True)) for v in variables]
        return cls(copies, epoch, RandomState.take() if whole else None)

    def restore(self, model: Any) -> None:
        """Assign the copied state to `model`, the optimizer's rate left as it is."""
        keep = {id(rate_variable(leaf)) for leaf in leaves(model.optimizer)}
        for variable, value in self.values:
            if id(variable) not in keep:
                variable.assign(value)
        if self.random is not None:
            self.random.restore()

    def to_state(self) -> dict[str, Any]:
        """As JSON values and arrays; `from_state` is the way back."""
        return {
            "epoch": self.epoch,
            "values": [value for _, value in self.values],
            "random": None if self.random is None else self.random.to_state(),
        }

    @classmethod
    def from_state(cls, model: Any, state: Mapping[str, Any]) -> "Snapshot":
        """What `to_state` gave, for a model like the one that it was taken of."""
        random = state["random"]
        variables = _variables(model, metrics=random is not None)
        # The metrics come last, and TensorFlow builds them in the first step.
        return cls(
            list(zip(variables, state["values"], strict=False)),
            state["epoch"],
            None if random is None else RandomState.from_state(random),
        )


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
