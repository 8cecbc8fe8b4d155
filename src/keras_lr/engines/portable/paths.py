"""Import paths: how another process finds a class or a function without being sent its code."""

import importlib
import sys
from typing import Any

from keras_lr.engines.portable.errors import NotPortable


def import_path(thing: Any) -> str:
    """`"package.module>Name"` of a class or function, by which another process can import it.

    Args:
        thing: A class or a function.

    Raises:
        NotPortable: It is defined in the script itself or inside a function, so nothing but this
            process has it.

    >>> from keras_lr.rules import Plateau
    >>> import_path(Plateau)
    'keras_lr.rules.plateau>Plateau'
    """
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", repr(thing))
    if module == "__main__":
        raise NotPortable(
            f"{name} is defined in __main__, which no other process can import (move it to a "
            "module of its own)"
        )
    if "<lambda>" in name:
        raise NotPortable("a lambda is code, which doesn't travel (write a function in a module)")
    if module is None or "<locals>" in name or _found(module, name) is not thing:
        raise NotPortable(
            f"{name} is defined inside a function, where no other process can import it (move it "
            "to a module's top level)"
        )
    return f"{module}>{name}"


def import_object(path: str) -> Any:
    """What `import_path` named; its module is imported, which registers what it registers.

    Raises:
        NotPortable: The module can't be imported here, or hasn't got it.
    """
    module, _, name = path.partition(">")
    try:
        importlib.import_module(module)
    except Exception as error:  # the user's module runs here, and may raise anything
        told = " ".join(str(error).split())
        raise NotPortable(
            f"{module} can't be imported in another process ({type(error).__name__}: {told})"
        ) from error
    found = _found(module, name)
    if found is None:
        raise NotPortable(f"the module {module} has no {name} in another process")
    return found


def _found(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
