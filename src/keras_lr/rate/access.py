"""Read and set the rate of any Keras optimizer, wrapped or not, between or during fits."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate.checks import check_rate
from keras_lr.rate.controlled import settle
from keras_lr.rate.followed import schedules_factor
from keras_lr.rate.leaves import leaf_names, leaves, optimizer_of, own_schedule, rate_variable
from keras_lr.rate.replaced import replace_schedule as _replace


def get_learning_rate(model_or_optimizer: Any) -> float | dict[str, float]:
    """The rate that the next update will use.

    Args:
        model_or_optimizer: A compiled model or an optimizer, wrapped or not; also a member of a
            `MultiOptimizer`, and in the middle of training.

    Returns:
        A float; for a `MultiOptimizer` a dictionary from each member's name to its rate (members
        of the same name are numbered: `sgd`, `sgd_2`).

    Raises:
        InvalidInput: For what isn't a compiled model or an optimizer, and for a `MultiOptimizer`
            whose members aren't known yet.
    """
    import keras

    optimizer = _optimizer(model_or_optimizer)
    rates = [float(keras.ops.convert_to_numpy(leaf.learning_rate)) for leaf in leaves(optimizer)]
    return rates[0] if len(rates) == 1 else dict(zip(leaf_names(optimizer), rates, strict=True))


def set_learning_rate(
    model_or_optimizer: Any,
    learning_rate: float | Mapping[str, float],
    *,
    replace_schedule: bool = False,
) -> None:
    """Make the next update use `learning_rate`.

    While a schedule of `LearningRate` is at work, the base is moved so that the schedule passes
    through the new rate now, and goes on from there.

    Args:
        model_or_optimizer: A compiled model or an optimizer, wrapped or not; also a member of a
            `MultiOptimizer`, and in the middle of training.
        learning_rate: A positive finite number; every member of a `MultiOptimizer` gets it. Or a
            dictionary from names of members, as `get_learning_rate` gives them, to numbers; the
            members that it doesn't name are left alone.
        replace_schedule: Let the number take the place of the schedule or function that the
            optimizer was built with, for good: from then on its checkpoints are those of an
            optimizer built with a number, and the step is compiled anew. Give the model then.

    Raises:
        InvalidInput: For values that are no rates, names that no member has, what isn't a compiled
            model or an optimizer, or an optimizer that was built with a schedule, without
            `replace_schedule`; nothing was changed.

    Example:

    ```python
    keras_lr.set_learning_rate(model, 1e-3)
    keras_lr.set_learning_rate(model, {"sgd": 0.1, "adam": 1e-3})  # a MultiOptimizer
    ```
    """
    optimizer = _optimizer(model_or_optimizer)
    found = _values(optimizer, learning_rate)
    scheduled = [leaf for leaf, _ in found if rate_variable(leaf) is None]
    if scheduled and not replace_schedule:
        _refuse_scheduled(scheduled[0])
    for leaf, value in found:
        _check_settable(leaf, value)
    if scheduled:
        _replace(model_or_optimizer, scheduled)
    for leaf, value in found:
        leaf.learning_rate = value


def _values(optimizer: Any, learning_rate: Any) -> list[tuple[Any, float]]:
    """The leaves that get a rate, and which."""
    members = dict(zip(leaf_names(optimizer), leaves(optimizer), strict=True))
    if not isinstance(learning_rate, Mapping):
        value = check_rate(learning_rate)
        return [(leaf, value) for leaf in members.values()]
    for name in learning_rate:
        if name not in members:
            raise InvalidInput(
                f"The optimizer has no member {name!r}. {nearest(str(name), members)} "
                f"Received: learning_rate={dict(learning_rate)!r}."
            )
    if not learning_rate:
        raise InvalidInput(
            "learning_rate names no member, so nothing would be set. "
            f"Valid names: {', '.join(members)}. Received: learning_rate={{}}."
        )
    return [
        (members[name], check_rate(value, f"learning_rate[{name!r}]"))
        for name, value in learning_rate.items()
    ]


def _refuse_scheduled(leaf: Any) -> None:
    own = own_schedule(leaf)
    kind = type(own).__name__ if hasattr(own, "get_config") else getattr(own, "__name__", "it")
    raise InvalidInput(
        f"{leaf.name!r} was built with {kind}, which decides its rate. Compile it with a number, "
        "and give the schedule to keras_lr.LearningRate(schedule=...); or let the number take the "
        "schedule's place for good: "
        "keras_lr.set_learning_rate(model, 0.01, replace_schedule=True)."
    )


def _check_settable(leaf: Any, value: float) -> None:
    import keras

    factor = schedules_factor(leaf)
    if factor == 0:
        raise InvalidInput(
            f"The rate can't be set now: the schedule is 0 at this step, and anything times 0 is "
            f"0. Set it earlier, or end the schedule above 0. Received: learning_rate={value!r}."
        )
    variable = rate_variable(leaf)
    kind = keras.config.floatx() if variable is None else variable.dtype
    with np.errstate(over="ignore", under="ignore"):
        held = float(np.asarray(value / factor).astype(kind))
    if held == 0 or not math.isfinite(held):
        raise InvalidInput(
            f"learning_rate must be a number that {kind} has, in which the optimizer holds it; "
            f"there {value!r} is {held:g}. Received: learning_rate={value!r}. Write e.g. "
            "keras_lr.set_learning_rate(model, 1e-3)."
        )


def _optimizer(model_or_optimizer: Any) -> Any:
    import keras

    if not isinstance(model_or_optimizer, keras.Model | keras.optimizers.Optimizer):
        raise InvalidInput(
            "The rate is that of a compiled model or of an optimizer. "
            f"Received: {model_or_optimizer!r} (of type {type(model_or_optimizer).__name__})."
        )
    settle(model_or_optimizer)
    optimizer = optimizer_of(model_or_optimizer)
    if optimizer is None or isinstance(optimizer, str):
        raise InvalidInput(
            "The model has no optimizer yet. Compile it first: "
            "model.compile(optimizer=keras.optimizers.SGD(0.01), loss=...)."
        )
    if not leaves(optimizer):
        _find_members(model_or_optimizer, optimizer)
    return optimizer


def _find_members(model: Any, optimizer: Any) -> None:
    """Let a `MultiOptimizer` find its members, which a function of the weight names."""
    weights = getattr(model, "trainable_variables", None)
    if not weights:
        raise InvalidInput(
            "The members of the MultiOptimizer aren't known before it is built. Give the model, "
            "built: model.build(input_shape), or begin it with keras.Input. "
            f"Received: {type(model).__name__} {model.name!r}."
        )
    optimizer.build(weights)
