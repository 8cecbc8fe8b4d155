"""Functions that stand in the place of an optimizer's own, for the length of a fit."""

from collections.abc import Callable, Mapping
from typing import Any


class Hooks:
    """Stand in an optimizer's attributes until they are removed.

    Args:
        leaf: A stock optimizer.
        hooks: What stands where, by the attribute's name.

    >>> import keras
    >>> sgd = keras.optimizers.SGD(0.5)
    >>> hooks = Hooks(sgd, {"get_config": lambda: {"rate": hooks.own("get_config")()["learning_rate"]}})
    >>> sgd.get_config()
    {'rate': 0.5}
    >>> hooks.remove()
    >>> "get_config" in vars(sgd)
    False
    """

    def __init__(self, leaf: Any, hooks: Mapping[str, Callable[..., Any]]) -> None:
        self._leaf = leaf
        self._own = {name: (vars(leaf).get(name), getattr(leaf, name)) for name in hooks}
        for name, hook in hooks.items():
            object.__setattr__(leaf, name, hook)  # past Keras's own, which would take note of it

    def own(self, name: str) -> Any:
        """What the optimizer had there."""
        return self._own[name][1]

    def remove(self) -> None:
        """Put everything back."""
        for name, (own, _) in self._own.items():
            if own is None:
                vars(self._leaf).pop(name, None)
            else:
                object.__setattr__(self._leaf, name, own)
