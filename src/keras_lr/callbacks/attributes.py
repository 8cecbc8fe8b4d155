"""The state of any callback as data: what it offers itself, or its plain attributes that changed."""

import contextlib
import copy
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_lr.callbacks.warning import warn
from keras_lr.state.tree import is_plain, pack

_NEVER = ("_model", "_params", "params", "model", "validation_data")
_STATELESS = (keras.callbacks.ProgbarLogger,)


def names_of(callbacks: Sequence[Any]) -> dict[Any, str]:
    """A name for each callback: its class, numbered where there are several of one.

    >>> list(names_of([keras.callbacks.History(), keras.callbacks.History()]).values())
    ['History', 'History 2']
    """
    seen: dict[str, int] = {}
    names = {}
    for callback in callbacks:
        kind = type(callback).__name__
        count = seen[kind] = seen.get(kind, 0) + 1
        names[callback] = kind if count == 1 else f"{kind} {count}"
    return names


def speaks(callback: Any) -> bool:
    """Whether a callback offers its state itself."""
    return callable(getattr(callback, "get_state", None)) and callable(
        getattr(callback, "set_state", None)
    )


class Attributes:
    """The attributes of callbacks that offer no state, as they were when training began.

    What a callback was built with is the user's to change from one run to the next; so only what
    has changed since then is state.

    Args:
        callbacks: All of a fit, once training has begun for each.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        self._before = {
            callback: copy.deepcopy(_plain(callback))
            for callback in callbacks
            if not speaks(callback) and not isinstance(callback, _STATELESS)
        }

    def take(self) -> dict[Any, dict[str, Any]]:
        """Of each callback, the attributes that changed."""
        found = {}
        for callback, before in self._before.items():
            changed = {
                name: copy.deepcopy(value)
                for name, value in _plain(callback).items()
                if name not in before or not _same(value, before[name])
            }
            if isinstance(callback, keras.callbacks.CSVLogger):
                changed["~rows"] = _size(callback)
            found[callback] = changed
        return found


def put_back(callback: Any, state: Mapping[str, Any]) -> None:
    """Give a callback the attributes that `Attributes.take` found."""
    for name, value in state.items():
        if not name.startswith("~"):
            setattr(callback, name, copy.deepcopy(value))


def prepare_csv(logger: Any, state: Mapping[str, Any]) -> None:
    """Before a `CSVLogger` opens its file: cut it to the rows of the backup, and have it append."""
    size = state.get("~rows")
    if size is None:
        return
    try:
        present = os.path.getsize(logger.filename)
    except OSError:
        present = 0
    if present < size:
        warn(
            f"{logger.filename} lacks rows that were written before the backup; CSVLogger goes on "
            "with what is there."
        )
    if present > size:
        os.truncate(logger.filename, size)
    logger.append = True


def _size(logger: Any) -> int | None:
    file = logger.csv_file
    with contextlib.suppress(OSError, ValueError, AttributeError):
        file.flush()
    try:
        return os.path.getsize(logger.filename)
    except OSError:
        return None  # a remote file


def _plain(callback: Any) -> dict[str, Any]:
    # Keras's monitoring callbacks turn the sign of min_delta with monitor_op, which is a function.
    turned = ("min_delta",) if hasattr(callback, "monitor_op") else ()
    return {
        name: value
        for name, value in vars(callback).items()
        if name not in _NEVER and name not in turned and is_plain(value)
    }


def _same(one: Any, other: Any) -> bool:
    ours: list[Any] = []
    theirs: list[Any] = []
    return repr(pack(one, ours)) == repr(pack(other, theirs)) and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(ours, theirs, strict=True)
    )
