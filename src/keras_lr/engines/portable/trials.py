"""Trials and their results as plain data."""

import builtins
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from keras_lr.engines.portable import private
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.portable.packed import Packed
from keras_lr.engines.portable.paths import import_object, import_path
from keras_lr.engines.trial import TrialResult, TrialSpec
from keras_lr.errors import InvalidInput, KerasLRError


class TrialFailed(KerasLRError, RuntimeError):
    """A trial was impossible where it ran; the message begins with the kind of error."""


def describe_spec(spec: TrialSpec) -> dict[str, Any]:
    """A trial without its arguments of `build_model`, as plain data.

    Raises:
        NotPortable: Its schedule or a rule is code, or can't be imported elsewhere.
    """
    from keras_lr import rules, schedules

    paths: dict[str, None] = {}
    for part in (spec.schedule, *spec.rules):
        paths.update(dict.fromkeys(_paths(part)))
    try:
        schedule = None if spec.schedule is None else schedules.serialize(spec.schedule)
    except InvalidInput as error:
        raise NotPortable(f"the schedule {spec.schedule} can't be stored as data") from error
    for rule in spec.rules:
        if rules.RULES.get(rule.name) is not type(rule):
            raise NotPortable(f"the rule {type(rule).__name__} isn't registered")
    return {
        "settings": dict(spec.settings),
        "schedule": schedule,
        "rules": [rules.serialize(rule) for rule in spec.rules],
        "imports": list(paths),
    }


def rebuild_spec(described: Mapping[str, Any], arguments: Mapping[str, Any]) -> TrialSpec:
    """The trial that `describe_spec` described.

    Raises:
        NotPortable: A class of a schedule or a rule can't be imported here.
    """
    from keras_lr import rules, schedules

    for path in described["imports"]:
        import_object(path)
    schedule = described["schedule"]
    return TrialSpec(
        described["settings"],
        None if schedule is None else schedules.deserialize(schedule),
        tuple(rules.deserialize(rule) for rule in described["rules"]),
        arguments,
    )


def pack_result(result: TrialResult) -> Packed:
    """A trial's result as plain data, weights included where it has them."""
    error = result.error
    return Packed.of(
        {
            "history": result.history,
            "diverged": result.diverged,
            "pruned": result.pruned,
            "seconds": result.seconds,
            "error": None if error is None else [type(error).__name__, str(error)],
            "weights": result.weights,
        },
        "a trial's result",
    )


def unpack_result(packed: Packed) -> TrialResult:
    """The result that `pack_result` packed.

    An error comes back as Python's or keras-lr's of that name, else as `TrialFailed`.
    """
    values = packed.value()
    if values["error"] is not None:
        values["error"] = as_error(*values["error"])
    return TrialResult(**values)


def as_error(kind: str, message: str) -> Exception:
    """An error of another process, by its name and message.

    >>> as_error("ValueError", "too wide"), as_error("XlaRuntimeError", "too wide")
    (ValueError('too wide'), TrialFailed('XlaRuntimeError: too wide'))
    """
    known = {"InvalidInput": InvalidInput, "NotPortable": NotPortable}
    found = known.get(kind, getattr(builtins, kind, None))
    simple = (ValueError, TypeError, KeyError, IndexError, MemoryError, RuntimeError, OSError)
    if isinstance(found, type) and (kind in known or found in simple):
        return found(message)
    return TrialFailed(f"{kind}: {message}")


def _paths(part: Any) -> list[str]:
    """Import paths of what a schedule or a rule is made of, apart from what keras-lr brings."""
    if isinstance(part, tuple | list):
        return [path for member in part for path in _paths(member)]
    found = []
    if is_dataclass(part):
        found = [path for item in fields(part) for path in _paths(getattr(part, item.name))]
    elif not callable(part):
        return []
    thing: Any = part if hasattr(part, "__qualname__") else type(part)
    own = thing.__module__.partition(".")[0] in ("keras_lr", "keras")
    if own and private.registered_name(thing) == thing.__name__:
        return found
    return [*found, import_path(thing)]
