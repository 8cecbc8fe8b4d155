"""The state of callbacks that offer none themselves: their plain attributes that changed."""

import copy
import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_lr.callbacks.backup.csv_rows import rows_of
from keras_lr.callbacks.backup.matching import ByIdentity
from keras_lr.callbacks.backup.spoken import speaks
from keras_lr.callbacks.warning import warn
from keras_lr.state.tree import is_plain, pack

CSV = "~csv"
"""The key beside the attributes under which the rows of a `CSVLogger` are."""

_NEVER = ("_model", "_params", "params", "model", "validation_data")
_STATELESS = (keras.callbacks.ProgbarLogger,)


class Attributes:
    """The attributes of callbacks that offer no state, as they were when training began.

    What a callback was built with is the user's to change from one run to the next; so only what
    has changed since then is state. Arrays aren't copied for that: a checksum tells.

    Warns of attributes that hold state which can't be saved.

    Args:
        callbacks: All of a fit, once training has begun for each.
    """

    def __init__(self, callbacks: Sequence[Any]) -> None:
        self._before: ByIdentity[dict[str, Any]] = ByIdentity(
            (callback, {name: _print(value) for name, value in _plain(callback).items()})
            for callback in callbacks
            if not speaks(callback) and not isinstance(callback, _STATELESS)
        )
        self._warned: set[str] = set()
        for callback in self._before:
            self._warn_of_lost(callback)

    def take(self) -> ByIdentity[dict[str, Any]]:
        """Of each callback, the attributes that changed."""
        found: ByIdentity[dict[str, Any]] = ByIdentity()
        for callback, before in self._before.items():
            changed = {
                name: copy.deepcopy(value)
                for name, value in _plain(callback).items()
                if name not in before or _print(value) != before[name]
            }
            if isinstance(callback, keras.callbacks.CSVLogger):
                changed[CSV] = rows_of(callback)
            found[callback] = changed
            self._warn_of_lost(callback)  # an empty list is plain until something else is in it
        return found

    def _warn_of_lost(self, callback: Any) -> None:
        if type(callback).__module__.partition(".")[0] in ("keras", "keras_lr"):
            return
        kind = type(callback).__name__
        for name, value in vars(callback).items():
            told = f"{kind}.{name}"
            if name in _NEVER or told in self._warned or not _is_lost(value):
                continue
            self._warned.add(told)
            warn(
                f"BackupAndRestore can't save the attribute {name} of the callback {kind} "
                f"({type(value).__name__}): a run that goes on starts with it anew. Give {kind} the "
                "methods get_state(), which returns numbers, strings, arrays and collections of "
                "such, and set_state(state)."
            )


def put_back(callback: Any, state: Mapping[str, Any]) -> None:
    """Give a callback the attributes that `Attributes.take` found."""
    for name, value in state.items():
        if name.startswith("~"):
            continue
        present = vars(callback).get(name)
        if _of_one_kind(present, value):
            # Who else draws from it goes on as well.
            present.bit_generator.state = value.bit_generator.state
        else:
            setattr(callback, name, copy.deepcopy(value))


def _of_one_kind(one: Any, other: Any) -> bool:
    """Whether both are random generators whose states can be exchanged."""
    return all(isinstance(each, np.random.Generator) for each in (one, other)) and type(
        one.bit_generator
    ) is type(other.bit_generator)


def _plain(callback: Any) -> dict[str, Any]:
    # Keras's monitoring callbacks turn the sign of min_delta with monitor_op, which is a function.
    turned = ("min_delta",) if hasattr(callback, "monitor_op") else ()
    return {
        name: value
        for name, value in vars(callback).items()
        if name not in _NEVER and name not in turned and is_plain(value)
    }


def _is_lost(value: Any) -> bool:
    """Whether something that isn't saved is data, not machinery: functions, layers, files and such."""
    if is_plain(value) or callable(value) or isinstance(value, type):
        return False
    if isinstance(value, Mapping):
        unsaved = type(value).__module__ != "builtins" and all(map(is_plain, value.values()))
        return unsaved or any(map(_is_lost, value.values()))
    if isinstance(value, list | tuple | set | frozenset) or type(value).__name__ == "deque":
        unsaved = type(value).__module__ != "builtins" and all(map(is_plain, value))
        return unsaved or any(map(_is_lost, value))
    if dataclasses.is_dataclass(value):
        return not getattr(type(value), "__dataclass_params__").frozen  # noqa: B009
    return isinstance(value, bytearray | keras.Variable | np.ndarray) or hasattr(value, "__array__")


def _print(value: Any) -> Any:
    """What two values have in common that are the same, without a copy of arrays."""
    if isinstance(value, np.ndarray):
        flat = np.ascontiguousarray(value).reshape(-1)
        data = flat.view(np.uint8).data if flat.size else b""
        return value.dtype.str, value.dtype.name, value.shape, zlib.crc32(data)
    arrays: list[np.ndarray] = []
    return repr(pack(value, arrays)), [_print(each) for each in arrays]
