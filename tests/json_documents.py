"""One JSON document, and nothing else, of the shape that `keras_lr.cli.documents` tells."""

import json
import types
from pathlib import Path
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from keras_lr.cli.documents import DOCUMENTS


def document(text: str) -> Any:
    """The document that a command printed; fails where it is of another shape."""
    assert text.endswith("}\n")
    assert text.count("\n") == 1
    data = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    wrong = list(_wrong(data, DOCUMENTS[data["command"]], str(data["command"])))
    assert not wrong, wrong
    return data


def _wrong(value: Any, kind: Any, place: str) -> Any:
    """Where a value isn't what its annotation says."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if kind in (Path, str, bool, type(None), None):
        want = {Path: str, None: type(None)}.get(kind, kind)
        if not isinstance(value, want):
            yield f"{place}: {value!r} is no {want.__name__}"
    elif kind in (int, float):
        good = int if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, good):
            yield f"{place}: {value!r} is no {kind.__name__}"
    elif origin is Literal:
        if value not in parts:
            yield f"{place}: {value!r} is none of {parts}"
    elif origin in (Union, types.UnionType):
        found = [list(_wrong(value, part, place)) for part in parts]
        if all(found):
            yield min(found, key=len)
    elif origin is NotRequired:
        yield from _wrong(value, parts[0], place)
    elif origin in (list, tuple):
        if not isinstance(value, list) or (origin is tuple and len(value) != len(parts)):
            yield f"{place}: {value!r} is no {kind}"
            return
        for index, each in enumerate(value):
            part = parts[0] if origin is list else parts[index]
            yield from _wrong(each, part, f"{place}[{index}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no {kind}"
            return
        for name, each in value.items():
            yield from _wrong(each, parts[1], f"{place}.{name}")
    else:
        yield from _wrong_keys(value, kind, place)


def _wrong_keys(value: Any, kind: Any, place: str) -> Any:
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no {kind.__name__}"
        return
    hints = get_type_hints(kind)
    missing = kind.__required_keys__ - set(value)
    more = set(value) - set(hints)
    if missing or more:
        yield f"{place}: lacks {sorted(missing)}, has {sorted(more)} beside"
    for name in set(value) & set(hints):
        yield from _wrong(value[name], hints[name], f"{place}.{name}")
