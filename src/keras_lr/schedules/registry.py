"""The schedules by name: the text form, configs, the command line and the contract suite use it."""

import re
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from keras_lr.errors import InvalidInput
from keras_lr.schedules.schedule import Schedule

SCHEDULES: dict[str, type[Schedule]] = {}
"""Registered schedules by name."""

_S = TypeVar("_S", bound=Schedule)


def register(schedule: type[_S]) -> type[_S]:
    """Make a schedule known by its name, the snake case of its class.

    It can then be written as text, stored and searched over, and the contract suite runs its
    `example`.

    Raises:
        InvalidInput: Another class has that name already; it isn't a frozen dataclass derived from
            `Schedule`; or it has a length that `lengths` doesn't name.
    """
    _check(schedule)
    name = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", schedule.__name__
    ).lower()
    known = SCHEDULES.get(name)
    if known is not None and _origin(known) != _origin(schedule):  # a notebook defines it again
        raise InvalidInput(
            f"A schedule named {name!r} exists already: {known!r}. Rename the class."
        )
    schedule.name = name
    SCHEDULES[name] = schedule
    return schedule


def _origin(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _check(schedule: Any) -> None:
    """Refuse a class that resolve, configs or the text form couldn't handle."""
    if not (isinstance(schedule, type) and issubclass(schedule, Schedule)):
        raise InvalidInput(
            "A schedule derives from Schedule: write class Arc(Schedule): ... below @register. "
            f"Received: {schedule!r}."
        )
    name = schedule.__name__
    if "__dataclass_params__" not in vars(schedule):  # inherited ones say nothing of its own fields
        raise InvalidInput(
            f"A schedule is a frozen dataclass. Write @dataclass(frozen=True) between @register and "
            f"class {name}. Received: {schedule!r}."
        )
    known = {item.name: item for item in fields(schedule)}
    for length in schedule.lengths:
        if length not in known:
            raise InvalidInput(
                f"{name}'s lengths name {length!r}, which is none of its fields: "
                f"{', '.join(known) or 'it has none'}. For one field write lengths = "
                f'("length",), with the comma. Received: lengths={schedule.lengths!r}.'
            )
    if schedule.lay is not Schedule.lay and schedule.missing is not Schedule.missing:
        return  # it resolves them by itself
    unnamed = [name for name, item in known.items() if _is_length(item.type)]
    if not set(unnamed) <= set(schedule.lengths):
        told = ", ".join(f'"{each}"' for each in unnamed)
        raise InvalidInput(
            f"resolve() turns the fields of {name} that are lengths into steps once `lengths` names "
            f"them. Add to the class: lengths = ({told},). Received: lengths={schedule.lengths!r}."
        )


def _is_length(annotation: Any) -> bool:
    """Whether a field is annotated as `Length` or `Period`, or holds several of them."""
    if isinstance(annotation, str):  # from __future__ import annotations
        return re.search(r"\b(Length|Period)\b", annotation) is not None
    members = [member for member in get_args(annotation) if member not in (NoneType, float)]
    if get_origin(annotation) in (Union, UnionType) and members == [int, str]:
        return True
    return any(_is_length(member) for member in members)
