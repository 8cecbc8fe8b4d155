"""What tensors and variables in a training step need, on JAX, on TensorFlow and on its replicas.

JAX has no assignment inside a branch; TensorFlow has, but not where a step runs on several replicas
at once, each with a part of the batch. TensorFlow's gradients of looked-up rows are those rows.
"""

import contextlib
import importlib
from collections.abc import Callable, Sequence
from typing import Any


def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Give each variable its value."""
    if _on_replicas():
        _update_on_replicas(variables, values, None)
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def assign_if(
    condition: Any, variables: Sequence[Any], values: Callable[[], Sequence[Any]]
) -> None:
    """Give each variable its value where `condition`, a tensor, holds.

    Args:
        condition: A scalar tensor.
        variables: Variables.
        values: Gives a value for each, if possible inside the branch that needs them.
    """
    import keras

    if not variables:
        return
    if _on_replicas():
        _update_on_replicas(variables, values(), condition)
    elif keras.backend.backend() == "jax":
        now = [variable.value for variable in variables]
        new = [keras.ops.cast(v, n.dtype) for v, n in zip(values(), now, strict=True)]
        chosen = keras.ops.cond(condition, lambda: new, lambda: now)
        for variable, value in zip(variables, chosen, strict=True):
            variable.assign(value)
    else:
        keras.ops.cond(condition, lambda: assign(variables, values()), lambda: None)


def summed_over_replicas(leaf: Any, gradients: list[Any]) -> list[Any]:
    """The gradients of the whole batch, where replicas hold one for a part of it each.

    Keras sums them itself a little later; what it would sum is replaced by the sum, for this
    update, so that they travel once.
    """
    if not _on_replicas():
        return gradients
    tf = importlib.import_module("tensorflow")
    context = tf.distribute.get_replica_context()
    summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
    # The replicas are traced in turns, each to where all have to be; each takes its own back.
    method = vars(leaf).get("_all_reduce_sum_gradients")
    held = getattr(method, "held", {})
    if not held:
        object.__setattr__(leaf, "_all_reduce_sum_gradients", _taken_back(leaf, held))
    held[_replica(tf)] = summed
    return summed


def dense(gradient: Any) -> Any:
    """A gradient as a tensor of its variable's shape.

    TensorFlow gives that of an `Embedding` as slices, one for each time that a row was looked up.
    """
    import keras

    gradient = keras.ops.convert_to_tensor(gradient)
    if keras.backend.backend() != "tensorflow":
        return gradient
    tf = importlib.import_module("tensorflow")
    return tf.convert_to_tensor(gradient)  # which adds slices of one row up


def optimizer_scope(leaf: Any) -> Any:
    """Where an optimizer's variables are made: TensorFlow's have a distribution strategy."""
    strategy = getattr(leaf, "_distribution_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _taken_back(leaf: Any, held: dict[int, list[Any]]) -> Any:
    tf = importlib.import_module("tensorflow")

    def all_reduce_sum_gradients(pairs: Any) -> Any:
        summed = held.pop(_replica(tf))
        if not held:
            vars(leaf).pop("_all_reduce_sum_gradients", None)
        return [(each, variable) for each, (_, variable) in zip(summed, pairs, strict=True)]

    all_reduce_sum_gradients.held = held  # type: ignore[attr-defined]
    return all_reduce_sum_gradients


def _replica(tf: Any) -> Any:
    found = tf.distribute.get_replica_context().replica_id_in_sync_group
    return found if isinstance(found, int) else int(tf.get_static_value(found))


def _on_replicas() -> bool:
    import keras

    if keras.backend.backend() != "tensorflow":
        return False
    tf = importlib.import_module("tensorflow")
    return tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()


def _update_on_replicas(variables: Sequence[Any], values: Sequence[Any], condition: Any) -> None:
    tf = importlib.import_module("tensorflow")
    held = [variable.value for variable in variables]

    def update(variable: Any, value: Any, condition: Any) -> Any:
        value = tf.cast(value, variable.dtype)
        if condition is not None:
            value = tf.cond(condition, lambda: value, lambda: tf.identity(variable))
        return variable.assign(value)

    def everywhere(strategy: Any, values: Any, condition: Any) -> None:
        for variable, value in zip(held, values, strict=True):
            args = (value, condition)
            strategy.extended.update(variable, update, args=args, group=False)

    tf.distribute.get_replica_context().merge_call(everywhere, args=(list(values), condition))
