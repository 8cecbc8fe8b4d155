"""What keras-lr has put into an optimizer is out of it while the optimizer saves or loads."""

import contextlib
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Protocol

from keras_lr.rate.leaves import chain

_PLAIN = ("get_config", "save_own_variables", "load_own_variables")


_OURS = "_keras_lr"


def ours(variable: Any) -> Any:
    """Mark a variable as one that keras-lr has put into an optimizer; returns it."""
    setattr(variable, _OURS, True)
    return variable


def plain_variables(optimizer: Any) -> list[Any]:
    """The variables of an optimizer, without those that keras-lr has put into it."""
    return [each for each in optimizer.variables if not hasattr(each, _OURS)]


class Part(Protocol):
    """Something in an optimizer that a checkpoint shouldn't see."""

    def take_out(self) -> None:
        """Leave the optimizer as it was."""
        ...

    def put_in(self) -> None:
        """Be in it again."""
        ...


class PlainSaving:
    """Takes parts out of an optimizer with all that it wraps, whenever it saves or loads.

    Args:
        optimizer: Any optimizer, wrapped or not.
    """

    def __init__(self, optimizer: Any) -> None:
        self._members = chain(optimizer)
        self._parts: list[Part] = []
        self._out = False

    def add(self, part: Part) -> None:
        """Take `part` out too, from now on; it is in the optimizer now."""
        if not self._parts:
            for member in self._members:
                for name in _PLAIN:
                    setattr(member, name, self._without_parts(member, name))
        self._parts.append(part)

    def drop(self, part: Part) -> None:
        """Undo `add`."""
        self._parts.remove(part)
        if not self._parts:
            for member in self._members:
                for name in _PLAIN:
                    vars(member).pop(name, None)

    def _without_parts(self, member: Any, name: str) -> Callable[..., Any]:
        method = getattr(type(member), name)

        @wraps(method)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self._plain():
                return method(member, *args, **kwargs)

        return run

    @contextlib.contextmanager
    def _plain(self) -> Iterator[None]:
        if self._out:  # wrappers call the same method on what they wrap
            yield
            return
        self._out = True
        # Variables that come back are tracked last: in the order in which they first came.
        for part in self._parts:
            part.take_out()
        try:
            yield
        finally:
            for part in self._parts:
                part.put_in()
            self._out = False
