"""Members of a `MultiOptimizer` that have nothing to do at a step."""

import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any


def let_lack_gradients(members: Iterable[Any]) -> None:
    """Let optimizers go on where none of their variables has a gradient.

    Layers that the loss doesn't depend on have none, on TensorFlow and torch. Keras's optimizers
    leave such variables as they are, with a warning, but raise where none is left, which for one of
    several optimizers is no error: the others have something to train. It still counts the update.

    Args:
        members: Stock optimizers. In a model that was saved and loaded they are Keras's own again.
    """
    for member in members:
        # Past Keras's tracker. A partial, which is copied along with the optimizer.
        object.__setattr__(member, "_filter_empty_gradients", partial(_filtered, member))


def _filtered(
    member: Any, gradients: Sequence[Any], variables: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[Any]]:
    """What stands in an optimizer for its own `_filter_empty_gradients`."""
    if any(gradient is not None for gradient in gradients):
        return type(member)._filter_empty_gradients(member, gradients, variables)
    warnings.warn(
        f"Gradients do not exist for variables {[variable.path for variable in variables]} when "
        f"minimizing the loss, so {member.name!r} trains nothing. The loss doesn't depend on them.",
        stacklevel=2,
    )
    return [], []
