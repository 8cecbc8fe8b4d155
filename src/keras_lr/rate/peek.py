"""A look at a few variables in the middle of an epoch, which costs no more than they do.

On JAX the training state is outside the variables then. `leaves.sync` brings all of it back, and
Keras takes all of it out again: milliseconds for a model of some size. A look at scalars needs
neither.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any


@contextlib.contextmanager
def peeking(model: Any, variables: Iterable[Any]) -> Iterator[None]:
    """Let these variables of the model's optimizer be read inside, and only read.

    Args:
        model: A model whose fit is running, from the thread that trains it.
        variables: Variables of its optimizer, or of what that wraps.
    """
    state = getattr(model, "_jax_state", None)
    if not state or model._jax_state_synced:
        yield
        return
    now = state["optimizer_variables"]
    values = {id(each): value for each, value in zip(model.optimizer.variables, now, strict=True)}
    wanted = [each for each in variables if id(each) in values]
    for variable in wanted:
        variable._value = values[id(variable)]
    try:
        yield
    finally:
        if not model._jax_state_synced:  # unless all of it was brought back meanwhile
            for variable in wanted:
                variable._value = None  # as Keras leaves it; the next step takes the buffer
