"""Callbacks that offer their state themselves: `get_state()` and `set_state(state)`."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.state.tree import RULE, offender


def speaks(callback: Any) -> bool:
    """Whether a callback offers its state: `get_state()` and `set_state(state)` can be called so.

    Methods of these names that need other arguments are something else.
    """
    return _takes(getattr(callback, "get_state", None), 0) and _takes(
        getattr(callback, "set_state", None), 1
    )


def state_of(callback: Any, name: str) -> Any:
    """What a callback says of its state.

    Raises:
        InvalidInput: It isn't plain data.
    """
    state = callback.get_state()
    found = offender(state, f"{name}.get_state()")
    if found is not None:
        place, what = found
        raise InvalidInput(
            f"The callback {name} gives a state that can't be saved. {RULE} Leave out of what "
            f"{name}.get_state returns, or write as such, what is at {place}. "
            f"Received: {what!r} (of type {type(what).__name__})."
        )
    return state


def check(callbacks: Iterable[Any], names: Mapping[Any, str]) -> None:
    """Refuse, before anything is trained, callbacks whose state couldn't be saved later.

    Raises:
        InvalidInput: One gives what isn't plain data.
    """
    for callback in callbacks:
        if speaks(callback) and not getattr(callback, "_hears_resume", False):
            try:
                state_of(callback, names[callback])
            except InvalidInput:
                raise
            except Exception:
                continue


def set_state(callback: Any, state: Any, resume: Mapping[str, Any]) -> None:
    """Give a callback its state back, exactly as it gave it.

    Args:
        callback: One that `speaks`.
        state: What it gave.
        resume: How the run goes on, which those of keras-lr are told beside it.
    """
    if getattr(callback, "_hears_resume", False) and _takes(callback.set_state, 1, resume=resume):
        callback.set_state(state, resume=resume)
    else:
        callback.set_state(state)


def _takes(method: Any, count: int, **named: Any) -> bool:
    if not callable(method):
        return False
    try:
        inspect.signature(method).bind(*range(count), **named)
    except TypeError:
        return False
    except ValueError:
        pass  # one of C, whose arguments aren't known
    return True
