"""Rates and settings of stock optimizers as inputs of a traced step, not constants in it.

Keras reads `optimizer.momentum` and its like as Python numbers, so a trace bakes them in. While a
step is traced, `given` puts an `Input` there: an object that JAX converts to a traced value, and
which answers the few questions and does the arithmetic that update rules do with a number. The
rate needs no disguise: Keras calls a callable in the `_learning_rate` slot while it traces.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from keras_lr.rate.stand_in import Input

_ABSENT = object()


def pair(value: float) -> tuple[float, float]:
    """A setting's value and its complement, as `given` takes them."""
    return float(value), 1.0 - float(value)


@contextlib.contextmanager
def given(leaves: list[Any], rates: Any, settings: Mapping[str, Any]) -> Iterator[None]:
    """Let stock optimizers use these values while a step is traced.

    Args:
        leaves: The stock optimizers (`keras_lr.rate.leaves`).
        rates: Traced, shape `(len(leaves),)`: the rate of each.
        settings: Name to a traced array of shape `(2,)`: value and complement (`pair`).
    """
    kept: list[tuple[Any, str, Any]] = []
    try:
        for index, leaf in enumerate(leaves):
            rate = rates[index]
            _put(kept, leaf, "_learning_rate", lambda rate=rate: rate)
            for name, value in settings.items():
                if hasattr(leaf, name):
                    _put(kept, leaf, name, Input(value[0], value[1]))
                    if name == "clipvalue":
                        # It ends up in a function of JAX's that takes no stand-in.
                        _put(kept, leaf, "_clip_gradients", _clipper(value[0]))
        yield
    finally:
        for leaf, name, value in reversed(kept):
            if value is _ABSENT:
                object.__delattr__(leaf, name)
            else:
                object.__setattr__(leaf, name, value)


def _clipper(limit: Any) -> Any:
    """What an optimizer with `clipvalue` does to gradients; `None` stays `None`."""
    import jax.numpy as jnp

    def clip(gradients: list[Any]) -> list[Any]:
        return [
            None if g is None else jnp.clip(g, -_like(limit, g), _like(limit, g)) for g in gradients
        ]

    return clip


def _like(limit: Any, gradient: Any) -> Any:
    return limit.astype(gradient.dtype)


@contextlib.contextmanager
def given_losses(arguments: list[dict[str, Any]], settings: Mapping[str, Any]) -> Iterator[None]:
    """Let losses use these settings while a step is traced.

    Args:
        arguments: Of each loss, by name (`internals.loss_arguments`).
        settings: As `given` takes them; those that a loss doesn't have are let pass.
    """
    kept = [dict(each) for each in arguments]
    try:
        for each in arguments:
            for name in each.keys() & settings.keys():
                each[name] = Input(settings[name][0], settings[name][1])
        yield
    finally:
        for each, before in zip(arguments, kept, strict=True):
            each.update(before)


def _put(kept: list[tuple[Any, str, Any]], leaf: Any, name: str, value: Any) -> None:
    kept.append((leaf, name, vars(leaf).get(name, _ABSENT)))
    # Past Keras's own __setattr__, whose tracker would take note of it.
    object.__setattr__(leaf, name, value)
