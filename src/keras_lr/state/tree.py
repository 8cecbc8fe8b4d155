"""Nested plain data as JSON, with its arrays beside it.

What JSON lacks is written as a dictionary with one key that begins with `~`: arrays, NumPy scalars,
tuples, sets, the standard collections, random generators, and dictionaries whose keys aren't strings.
Floats keep every bit: JSON holds the shortest decimal that reads back as the same number, and NaN and
inf as Python writes them.
"""

import random
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput

RULE = (
    "A state is made of numbers, strings, NumPy arrays, and lists, tuples, sets, deques and "
    "dictionaries of such, and of random generators of NumPy and Python."
)

_PLAIN = (bool, int, float, str, type(None))
_FACTORIES = {each.__name__: each for each in (bool, int, float, str, list, tuple, dict, set)}
_BITS = {
    each: getattr(np.random, each) for each in ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
}


def _sorted(values: Any) -> list[Any]:
    # The order of a set is an accident; two equal ones are written alike.
    return sorted(values, key=repr)


def _items(value: Any) -> list[Any]:
    return [list(item) for item in value.items()]


def _factory(value: Any) -> Any:
    name = getattr(value.default_factory, "__name__", None)
    if value.default_factory is None or _FACTORIES.get(str(name)) is value.default_factory:
        return name
    return value.default_factory  # a function of the user's, which isn't plain


def _generator(kind: str, state: Any) -> np.random.Generator:
    bits = _BITS[kind]()
    bits.state = state
    return np.random.Generator(bits)


def _legacy(state: Any) -> np.random.RandomState:
    made = np.random.RandomState()
    made.set_state(state)
    return made


def _python(state: Any) -> random.Random:
    made = random.Random()
    made.setstate(state)
    return made


_Parts = tuple[type, Callable[[Any], list[Any]], Callable[..., Any]]
_KINDS: dict[str, _Parts] = {
    "~tuple": (tuple, list, lambda *parts: parts),
    "~set": (set, _sorted, lambda *parts: set(parts)),
    "~frozenset": (frozenset, _sorted, lambda *parts: frozenset(parts)),
    "~deque": (deque, lambda v: [v.maxlen, *v], lambda most, *parts: deque(parts, most)),
    "~counter": (Counter, _items, lambda *parts: Counter(dict(parts))),
    "~ordered": (OrderedDict, _items, lambda *parts: OrderedDict(parts)),
    "~defaultdict": (
        defaultdict,
        lambda v: [_factory(v), *_items(v)],
        lambda name, *parts: defaultdict(None if name is None else _FACTORIES[name], parts),
    ),
    "~bytes": (bytes, lambda v: [v.hex()], bytes.fromhex),
    "~complex": (complex, lambda v: [v.real, v.imag], complex),
    "~generator": (
        np.random.Generator,
        lambda v: [type(v.bit_generator).__name__, v.bit_generator.state],
        _generator,
    ),
    "~legacy": (np.random.RandomState, lambda v: [v.get_state(legacy=False)], _legacy),
    "~python": (random.Random, lambda v: [v.getstate()], _python),
}
"""Of each tag: the type, the plain parts of a value of it, and the value made of its parts."""
_TAGS = {kind: tag for tag, (kind, *_) in _KINDS.items()}


def is_plain(value: Any) -> bool:
    """Whether `pack` takes the value: numbers, strings, arrays, and collections of such.

    >>> is_plain({"best": [1.0, None], 3: np.zeros(2), "seen": {1, 2}}), is_plain(print)
    (True, False)
    """
    return offender(value) is None


def offender(value: Any, place: str = "") -> tuple[str, Any] | None:
    """Where in a value something isn't plain data, and what it is; `None` if all is.

    Args:
        value: Anything.
        place: What comes before the place, such as a name.

    >>> offender({"a": [1, len]}, "state")
    ("state['a'][1]", <built-in function len>)
    """
    if type(value) in _PLAIN:
        return None
    if isinstance(value, np.ndarray | np.generic):
        # Of the kind "V" are records, but also the types of ml_dtypes, which count as registered.
        registered = value.dtype.isbuiltin == 2
        plain = not value.dtype.hasobject and (value.dtype.kind != "V" or registered)
        return None if plain else (place, value)
    inside: list[tuple[str, Any]]
    if type(value) is list:
        inside = [(f"{place}[{index}]", item) for index, item in enumerate(value)]
    elif type(value) is dict:
        inside = [(f"{place}, in a key", key) for key in value]
        inside += [(f"{place}[{key!r}]", item) for key, item in value.items()]
    elif type(value) in _TAGS:
        inside = [(place, part) for part in _KINDS[_TAGS[type(value)]][1](value)]
        if isinstance(value, np.random.Generator) and inside[0][1] not in _BITS:
            return place, value
    else:
        return place, value
    return next((found for at, each in inside if (found := offender(each, at)) is not None), None)


def pack(value: Any, arrays: list[np.ndarray]) -> Any:
    """`value` as JSON values; its arrays are appended to `arrays` and referred to by place.

    Raises:
        InvalidInput: It isn't plain data; it says where.
    """
    found = offender(value)
    if found is not None:
        place, what = found
        raise InvalidInput(
            f"{RULE} Received{f' at {place}' if place else ''}: {what!r} "
            f"(of type {type(what).__name__})."
        )
    return _packed(value, arrays)


def _packed(value: Any, arrays: list[np.ndarray]) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, np.ndarray | np.generic):
        arrays.append(np.asarray(value))
        return {"~array" if isinstance(value, np.ndarray) else "~scalar": len(arrays) - 1}
    if type(value) is list:
        return [_packed(item, arrays) for item in value]
    if type(value) is dict:
        if all(isinstance(key, str) and not key.startswith("~") for key in value):
            return {key: _packed(item, arrays) for key, item in value.items()}
        return {"~items": [[_packed(each, arrays) for each in item] for item in value.items()]}
    tag = _TAGS[type(value)]
    return {tag: [_packed(part, arrays) for part in _KINDS[tag][1](value)]}


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
        if key == "~items":
            return {unpack(name, arrays): unpack(item, arrays) for name, item in content}
        if key in _KINDS:
            return _KINDS[key][2](*(unpack(part, arrays) for part in content))
    return {key: unpack(item, arrays) for key, item in value.items()}
