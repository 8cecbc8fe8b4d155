"""Nested plain data as JSON, with its arrays beside it.

What JSON lacks is written as a dictionary with one key that begins with `~`: arrays, NumPy scalars,
tuples, and dictionaries whose keys aren't strings. Floats keep every bit: JSON holds the shortest
decimal that reads back as the same number, and NaN and inf as Python writes them.
"""

from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput

_PLAIN = (bool, int, float, str, type(None))


def is_plain(value: Any) -> bool:
    """Whether `pack` takes the value: numbers, strings, arrays, and lists and dictionaries of such.

    >>> is_plain({"best": [1.0, None], 3: np.zeros(2)}), is_plain(print)
    (True, False)
    """
    if type(value) in _PLAIN:
        return True
    if isinstance(value, np.ndarray | np.generic):
        # Of the kind "V" are records, but also the types of ml_dtypes, which count as registered.
        registered = value.dtype.isbuiltin == 2
        return not value.dtype.hasobject and (value.dtype.kind != "V" or registered)
    if type(value) in (list, tuple):
        return all(is_plain(item) for item in value)
    if type(value) is dict:
        return all(type(key) in _PLAIN and is_plain(item) for key, item in value.items())
    return False


def pack(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` as JSON values; its arrays are appended to `arrays` and referred to by place.

    Raises:
        InvalidInput: It isn't plain data.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray | np.generic) and is_plain(value):
        arrays.append(np.asarray(value))
        return {"~array" if isinstance(value, np.ndarray) else "~scalar": len(arrays) - 1}
    if type(value) is list:
        return [pack(item, arrays) for item in value]
    if type(value) is tuple:
        return {"~tuple": [pack(item, arrays) for item in value]}
    if type(value) is dict and all(type(key) in _PLAIN for key in value):
        if all(isinstance(key, str) and not key.startswith("~") for key in value):
            return {key: pack(item, arrays) for key, item in value.items()}
        return {"~items": [[key, pack(item, arrays)] for key, item in value.items()]}
    raise InvalidInput(
        "A state is made of numbers, strings, NumPy arrays, and lists and dictionaries of such. "
        f"Received: {value!r} (of type {type(value).__name__})."
    )


def unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    """What `pack` was given."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key, content), *_ = value.items()
        if key == "~array":
            return arrays[content]
        if key == "~scalar":
            return arrays[content][()]
        if key == "~tuple":
            return tuple(unpack(item, arrays) for item in content)
        if key == "~items":
            return {name: unpack(item, arrays) for name, item in content}
    return {key: unpack(item, arrays) for key, item in value.items()}
