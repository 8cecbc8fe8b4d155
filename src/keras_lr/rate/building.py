"""A model whose weights don't exist before its first step, built from what its data looks like.

JAX and torch build model and optimizer before training begins, TensorFlow in the first step. What
belongs to the weights can't be placed into a step before there are any.
"""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.running import epoch_iterator


def build(model: Any) -> None:
    """Build the model and the optimizer of a running `fit`, if they aren't yet; no batch is used.

    Raises:
        InvalidInput: What the data looks like isn't known, or the model can't be called on it.
    """
    if model.optimizer.built:
        return
    specification = _element_spec(model)
    if specification is not None:
        try:
            model._symbolic_build(data_batch=specification)  # as Keras does on JAX and torch
        except (RuntimeError, ValueError, TypeError) as error:
            raise InvalidInput(f"{_ADVICE} Received: a model that {_reason(error)}") from error
    if not model.weights:  # those of a frozen model are there, and none is trained
        raise InvalidInput(f"{_ADVICE} Received: {type(model).__name__} {model.name!r}.")
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


_ADVICE = (
    "The weights of the model don't exist yet, and what is to look at them, or to tell members of a "
    "MultiOptimizer apart, is placed before the first step. Begin the model with keras.Input(shape), "
    "or write model.build(input_shape) before fit."
)


def _reason(error: Exception) -> str:
    return f"can't be built from its data: {error}"


def _element_spec(model: Any) -> Any:
    """What a batch looks like; `None` if no fit of TensorFlow's is running."""
    data = getattr(epoch_iterator(model), "_distributed_dataset", None)
    return getattr(data, "element_spec", None)
