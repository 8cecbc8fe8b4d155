"""What is kept of a trained model: its weights, and behind them its optimizer's state.

One list of arrays, so that it travels as weights do: between processes, backends and machines.
The rate isn't in it: a trial's model has it from the trial's settings.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_lr.rate import leaves


def keep(model: Any) -> list[np.ndarray]:
    """The model's weights, then its optimizer's state: iterations, momenta and so on."""
    from keras import ops

    state = (ops.convert_to_numpy(v) for v in optimizer_state(model.optimizer))
    return [*model.get_weights(), *(np.array(value, copy=True) for value in state)]


def restore(model: Any, kept: Sequence[np.ndarray]) -> Any:
    """Put back what was kept; the optimizer is built, so that a saved model loads without a word.

    Args:
        model: Built, and compiled with the trial's settings.
        kept: Of `keep`; where there are weights only, the optimizer starts anew.

    Returns:
        The model.
    """
    count = len(model.weights)
    model.set_weights(list(kept[:count]))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    variables = optimizer_state(model.optimizer)
    state = kept[count:]
    if len(state) == len(variables):
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)
    return model


def optimizer_state(optimizer: Any, settings: Mapping[str, Any] | None = None) -> list[Any]:
    """The variables of an optimizer that a training changes, in Keras's order.

    Args:
        optimizer: Built.
        settings: Inputs of a compiled trial, as `(value, 1 - value)`. Its program has slots for a
            momentum; the optimizer of a trial without momentum has none.
    """
    without: list[Any] = []
    for leaf in leaves(optimizer):
        without.append(getattr(leaf, "_learning_rate", None))
        if settings is not None and settings.get("momentum", (1.0,))[0] == 0:
            for name in ("momentums", "_momentums"):
                without += getattr(leaf, name, None) or []
    left_out = {id(variable) for variable in without}
    return [variable for variable in optimizer.variables if id(variable) not in left_out]
