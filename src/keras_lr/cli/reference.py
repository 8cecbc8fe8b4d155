"""`module:function` on the command line: import the user's function and call it."""

import contextlib
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput, KerasLRError, nearest

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_reference(text: str) -> bool:
    """Whether a text has the form `module:function`.

    >>> is_reference("train:make_model"), is_reference("model.keras"), is_reference("a.py:f")
    (True, False, False)
    """
    return _REFERENCE.fullmatch(text) is not None and not text.partition(":")[0].endswith(".py")


def load_reference(text: str, what: str) -> Any:
    """The function that `module:function` names; modules in the current folder count.

    Args:
        text: The reference.
        what: What the user calls it in the command, e.g. `"MODEL"`, for the error.
    """
    module_name, _, name = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise InvalidInput(
                f"There is no module {error.name!r}, neither in the current folder nor installed. "
                f"Received: {what} {text}"
            ) from error
        raise _failed(f"importing {module_name}", error, what, text) from error
    except (Exception, SystemExit) as error:
        raise _failed(f"importing {module_name}", error, what, text) from error
    function = getattr(module, name, None)
    if function is None:
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        hint = nearest(name, known) if known else "The module holds no function."
        raise InvalidInput(f"{module_name} has no {name!r}. {hint} Received: {what} {text}")
    if not callable(function):
        raise InvalidInput(
            f"{text} is a {type(function).__name__}, not a function. Received: {what} {text}"
        )
    return function


def call_reference(function: Any, text: str, what: str) -> Any:
    """Call the user's function without arguments; its exception becomes one line."""
    with user_work(f"{text}()", f"Received: {what} {text}"):
        return function()


@contextlib.contextmanager
def user_work(doing: str, received: str) -> Iterator[None]:
    """What the user's model, data or code raises becomes one line; `--debug` shows the rest.

    What keras-lr's own code raises, other than its errors, is a defect and keeps its traceback.
    """
    try:
        yield
    except KerasLRError:
        raise
    except (Exception, SystemExit) as error:
        if _raised_by_us(error):
            raise
        raise _failed(doing, error, received) from error


def _raised_by_us(error: BaseException) -> bool:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    package = Path(__file__).parents[1]
    return place is not None and Path(place.tb_frame.f_code.co_filename).is_relative_to(package)


def _failed(doing: str, error: BaseException, *received: str) -> InvalidInput:
    message = " ".join(str(error).split())
    if len(message) > 300:
        message = message[:297] + "..."
    tail = " ".join(received)
    tail = tail if tail.startswith("Received") else f"Received: {tail}"
    end = "" if message.endswith((".", "!", "?")) else "."
    return InvalidInput(
        f"{doing} raised {type(error).__name__}: {message}{end} (--debug shows the traceback.) {tail}"
    )
