"""Read and set the rate of any Keras optimizer, wrapped or not, between or during fits."""

import math
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.control import settle
from keras_lr.rate.leaves import leaf_names, leaves, optimizer_of, own_schedule, rate_variable


def check_rate(value: Any, name: str = "learning_rate") -> float:
    """`value` as a float, or an error if it isn't a positive finite number.

    >>> check_rate(1)
    1.0
    """
    item = getattr(value, "item", None)  # numpy and backend scalars
    number = item() if callable(item) and getattr(value, "shape", None) == () else value
    if callable(number):
        raise InvalidInput(
            f"{name} must be a number; a schedule goes to fit: "
            f"callbacks=[keras_lr.LearningRate(schedule=...)]. Received: {value!r}."
        )
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidInput(
            f"{name} must be a positive number. Received: {value!r} "
            f"(of type {type(value).__name__}). Write e.g. {name}=0.01."
        )
    if not math.isfinite(number) or number <= 0:
        raise InvalidInput(
            f"{name} must be positive and finite. Received: {value!r}. Write e.g. {name}=0.01."
        )
    return float(number)


def get_learning_rate(model_or_optimizer: Any) -> float | dict[str, float]:
    """The rate that the next update will use.

    Args:
        model_or_optimizer: A compiled model or an optimizer, wrapped or not.

    Returns:
        A float; for a `MultiOptimizer` a dictionary from each member's name to its rate.

    Raises:
        InvalidInput: For a model that isn't compiled.
    """
    import keras

    optimizer = _optimizer(model_or_optimizer)
    rates = [float(keras.ops.convert_to_numpy(leaf.learning_rate)) for leaf in leaves(optimizer)]
    return rates[0] if len(rates) == 1 else dict(zip(leaf_names(optimizer), rates, strict=True))


def set_learning_rate(model_or_optimizer: Any, learning_rate: float) -> None:
    """Make the next update use `learning_rate`, on every member of a `MultiOptimizer`.

    While a schedule of `LearningRate` is at work, the base is moved so that the schedule passes
    through the new rate now, and goes on from there.

    Args:
        model_or_optimizer: A compiled model or an optimizer, wrapped or not.
        learning_rate: A positive finite number.

    Raises:
        InvalidInput: For a value that is no rate, a model that isn't compiled, or an optimizer
            built with a schedule, whose rate Keras can't set; nothing was changed.
    """
    value = check_rate(learning_rate)
    found = leaves(_optimizer(model_or_optimizer))
    for leaf in found:
        if rate_variable(leaf) is None:
            raise InvalidInput(
                f"{leaf.name!r} was built with {type(own_schedule(leaf)).__name__}, so its rate "
                "can't be set. Compile it with a number, and give the schedule to "
                "keras_lr.LearningRate(schedule=...)."
            )
    for leaf in found:
        leaf._learning_rate.assign(value)


def _optimizer(model_or_optimizer: Any) -> Any:
    settle(model_or_optimizer)
    optimizer = optimizer_of(model_or_optimizer)
    if optimizer is None or isinstance(optimizer, str):
        raise InvalidInput(
            "The model has no optimizer yet. Compile it first: "
            "model.compile(optimizer=keras.optimizers.SGD(0.01), loss=...)."
        )
    return optimizer
