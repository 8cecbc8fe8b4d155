"""Where the rate is: the stock optimizers inside wrappers.

Keras wraps optimizers in two ways: `LossScaleOptimizer` (one `inner_optimizer`) and
`MultiOptimizer` (several `optimizers`). Only the innermost ones, the leaves, have a rate.
"""

from typing import Any


def chain(optimizer: Any) -> list[Any]:
    """The optimizer and everything that it wraps, outermost first."""
    members = getattr(optimizer, "optimizers", None)
    if members is None:
        inner = getattr(optimizer, "inner_optimizer", None)
        members = [] if inner is None else [inner]
    return [optimizer] + [found for member in members for found in chain(member)]


def leaves(optimizer: Any) -> list[Any]:
    """The optimizers that hold a rate, in Keras's order."""
    return [
        found
        for found in chain(optimizer)
        if not hasattr(found, "optimizers") and not hasattr(found, "inner_optimizer")
    ]


def leaf_names(optimizer: Any) -> list[str]:
    """A distinct name for each leaf: its own, numbered where members share one."""
    seen: dict[str, int] = {}
    names = []
    for leaf in leaves(optimizer):
        count = seen[leaf.name] = seen.get(leaf.name, 0) + 1
        names.append(leaf.name if count == 1 else f"{leaf.name}_{count}")
    return names


def log_keys(optimizer: Any) -> list[str]:
    """The log key of each leaf: `learning_rate`, or `learning_rate_NAME` as Keras writes for
    the members of a `MultiOptimizer`."""
    names = leaf_names(optimizer)
    return ["learning_rate"] if len(names) == 1 else [f"learning_rate_{name}" for name in names]


def batches_per_update(leaf: Any) -> int:
    """Batches whose gradients a stock optimizer gathers for one update; mostly 1."""
    return leaf.gradient_accumulation_steps or 1


def own_schedule(leaf: Any) -> Any:
    """The schedule or callable that a stock optimizer was built with; `None` for a number.

    Also while a fit controls the rate.
    """
    import keras

    slot = leaf._learning_rate
    slot = getattr(slot, "original", slot)
    return None if isinstance(slot, keras.Variable) else slot


def rate_variable(leaf: Any) -> Any:
    """The variable that holds a stock optimizer's rate, or, while a fit controls it, the settable
    part; `None` for an optimizer that follows the schedule it was built with."""
    import keras

    slot = leaf._learning_rate
    slot = getattr(slot, "variable", slot)
    return slot if isinstance(slot, keras.Variable) else None


def optimizer_of(model_or_optimizer: Any) -> Any:
    """The optimizer of a model, or the optimizer; with JAX's training state synced into it."""
    import keras

    from keras_lr.rate.running import trained_by

    if isinstance(model_or_optimizer, keras.optimizers.Optimizer):
        if keras.backend.backend() == "jax":
            sync(trained_by(model_or_optimizer))
        return model_or_optimizer
    sync(model_or_optimizer)
    return getattr(model_or_optimizer, "optimizer", None)


def sync(model: Any) -> None:
    """Bring what JAX holds outside the variables in the middle of an epoch back into them.

    Without this a read raises on a deleted buffer, and an assignment is lost.
    """
    bring = getattr(model, "jax_state_sync", None)
    if bring is not None and getattr(model, "_jax_state", None) is not None:
        bring()
