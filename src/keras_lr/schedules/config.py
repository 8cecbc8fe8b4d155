"""Schedules as plain dictionaries that JSON can hold, and back."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from keras_lr.errors import InvalidInput, nearest
from keras_lr.schedules.checks import shown
from keras_lr.schedules.depth import MOST_DEEP
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.plan import Plan
from keras_lr.schedules.registry import SCHEDULES
from keras_lr.schedules.schedule import Schedule


def serialize(schedule: Any) -> dict[str, Any]:
    """`schedule` as a plain dictionary; `deserialize` is the way back.

    Args:
        schedule: Whatever `as_schedule` takes. Of a plan, the schedule is stored, its lengths in
            steps. A Keras schedule is stored by Keras's own serialization.

    Raises:
        InvalidInput: It holds a plain callable that isn't registered with Keras.

    >>> from keras_lr.schedules import Cosine
    >>> serialize(Cosine(length="5%"))
    {'name': 'cosine', 'start': 1.0, 'end': 0.0, 'length': '5%', 'power': 1.0}
    """
    schedule = as_schedule(schedule)
    if schedule.name not in SCHEDULES:
        raise InvalidInput(
            f"{type(schedule).__name__} isn't registered, so it couldn't be read back. Write "
            "@keras_lr.schedules.register above the class."
        )
    own = getattr(schedule, "settings", None)
    if own is not None:
        return {"name": schedule.name, **own()}
    settings = {item.name: _encode(getattr(schedule, item.name)) for item in fields(schedule)}
    return {"name": schedule.name, **settings}


def deserialize(config: Mapping[str, Any]) -> Schedule:
    """The schedule that `serialize` gave as a dictionary.

    Raises:
        InvalidInput: The name or a setting is unknown, missing or bad.
    """
    return _schedule(config, 0)


def _schedule(config: Any, depth: int) -> Schedule:
    if not isinstance(config, Mapping):
        raise InvalidInput(f"A schedule's config is a dictionary. Received: {shown(config)}.")
    settings = dict(config)
    name = settings.pop("name", None)
    if "name" not in config:
        raise InvalidInput(
            'The config has no \'name\'. serialize() writes {"name": "cosine", ...}. '
            f"Received: {shown(dict(config))}."
        )
    if not isinstance(name, str) or name not in SCHEDULES:
        raise InvalidInput(f"Unknown schedule {shown(name)}. {nearest(str(name), SCHEDULES)}")
    cls = SCHEDULES[name]
    own = getattr(cls, "from_settings", None)
    known = {item.name: item for item in fields(cls)}
    if own is None:
        for key in settings:
            if key not in known:
                raise InvalidInput(
                    f"Schedule {name!r} has no setting {key!r}. {nearest(str(key), known)}"
                )
        for key, item in known.items():
            if key not in settings and item.default is MISSING:
                raise InvalidInput(f"Schedule {name!r} needs {key!r}. Received: {shown(config)}.")
        return cls(**{key: _decode(value, depth + 1) for key, value in settings.items()})
    try:
        return own(settings)
    except KeyError as error:
        raise InvalidInput(
            f"Schedule {name!r} needs {error}. Received: {shown(config)}."
        ) from error


def _encode(value: Any) -> Any:
    if isinstance(value, Schedule):
        return serialize(value.schedule if isinstance(value, Plan) else value)
    if isinstance(value, tuple):
        return [_encode(member) for member in value]
    return value


def _decode(value: Any, depth: int) -> Any:
    if depth > 2 * MOST_DEEP:  # a list of schedules is a level too
        raise InvalidInput(
            f"A schedule's config is nested at most {MOST_DEEP} deep. Received: one level more."
        )
    if isinstance(value, Mapping):
        return _schedule(value, depth)
    if isinstance(value, list | tuple):
        return tuple(_decode(member, depth + 1) for member in value)
    return value
