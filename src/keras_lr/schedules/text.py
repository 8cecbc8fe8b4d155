"""Schedules as text: `cosine(end=0.01) | warmup(5%)`; `parser` is the way back."""

from dataclasses import MISSING, fields
from typing import Any

from keras_lr.schedules.foreign import Function, Keras, as_schedule
from keras_lr.schedules.plan import Plan
from keras_lr.schedules.registry import SCHEDULES
from keras_lr.schedules.schedule import Schedule


def format_schedule(schedule: Schedule) -> str:
    """`schedule` in the text form; `str(schedule)` gives it too.

    Settings at their defaults are left out. A plain callable or one of Keras's schedules is only
    named: it has no text form that could be read back.

    >>> from keras_lr.schedules import Cosine
    >>> format_schedule(Cosine(end=0.01).warmup("5%"))
    'cosine(end=0.01) | warmup(5%)'
    """
    if isinstance(schedule, Plan):
        return format_schedule(schedule.schedule)
    if isinstance(schedule, Function):
        return f"function({schedule.label})"
    if isinstance(schedule, Keras):
        return f"keras({schedule.label})"
    if schedule.name == "product":
        return " * ".join(_member(part) for part in schedule.parts)
    inner = getattr(schedule, "schedule", None)
    before = f"{format_schedule(inner)} | " if isinstance(inner, Schedule) else ""
    return f"{before}{schedule.name}({', '.join(_arguments(schedule))})"


def has_text(schedule: Any) -> bool:
    """Whether `parse(str(schedule))` gives the schedule back.

    A plain callable, one of Keras's schedules and a class that isn't registered have no text.

    Args:
        schedule: A plan, or whatever `as_schedule` takes.
    """
    schedule = as_schedule(schedule)
    if isinstance(schedule, Function | Keras) or SCHEDULES.get(schedule.name) is not type(schedule):
        return False
    return all(has_text(part) for part in schedule.parts)


def _member(schedule: Schedule) -> str:
    text = format_schedule(schedule)
    return f"({text})" if hasattr(schedule, "schedule") else text


def _arguments(schedule: Schedule) -> list[str]:
    arguments: list[str] = []
    settings = [item for item in fields(schedule) if item.name != "schedule"]
    for index, item in enumerate(settings):
        value = getattr(schedule, item.name)
        if item.name == "schedules":
            arguments += [format_schedule(part) for part in value]
        elif item.default is not MISSING and value == item.default:
            continue
        elif index == 0 and (item.default is MISSING or len(settings) == 1):
            arguments.append(_value(value))
        else:
            arguments.append(f"{item.name}={_value(value)}")
    return arguments


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_value(member) for member in value)}]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else repr(value)
