"""Groups of a model's variables that share one rate, from a mapping that people write."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.optimizers.addresses import Address, addresses, check_key, covers, label
from keras_lr.rate.leaves import chain, leaves
from keras_lr.schedules import Schedule, as_schedule
from keras_lr.schedules.checks import shown

REST = "rest"
"""The name of the group of what no key covers."""

GROUPS = "group_schedules"
"""The owner of groups' schedules among the parts of a rate that follows several."""


@dataclass(frozen=True)
class Group:
    """Variables that share one rate.

    Args:
        name: Distinct among the groups, and fit for a log key.
        factor: What the optimizer's rate is multiplied by; 0 is frozen.
        schedule: What multiplies it over the run as well.
        variables: Their places in the model's trainable variables.
    """

    name: str
    factor: float
    schedule: Schedule | None
    variables: tuple[int, ...]


def groups(rates: Mapping[Any, Any], model: Any) -> tuple[list[Group], list[Address]]:
    """The groups that `rates` makes of a model's trainable variables; what it freezes is in none.

    A variable belongs to the first key that covers it; what none covers is the rest, with the
    factor 1. Groups with the same constant factor are one.

    Raises:
        InvalidInput: A key covers nothing, or nothing that earlier ones leave; a value is no
            factor; nothing is left to train.
    """
    if not isinstance(rates, Mapping) or not rates:
        raise InvalidInput(
            "rates is a mapping from layers, or patterns of their names, to factors of the "
            f'optimizer\'s rate. Write e.g. {{"backbone": 0.1}}. Received: rates={shown(rates)}.'
        )
    found = addresses(model)
    free = dict(enumerate(found))
    made = []
    for key, value in rates.items():
        check_key(key, found, model)
        taken = tuple(index for index, address in free.items() if covers(key, address))
        if not taken:
            raise InvalidInput(
                f"All that {label(key)} covers is covered by the keys before it, and the first one "
                "that covers a variable decides. Write the special ones first: "
                f'{{{label(key)}: ..., ".*": ...}}. Received: {", ".join(map(label, rates))}.'
            )
        free = {index: address for index, address in free.items() if index not in taken}
        factor, schedule = _value(value, key)
        made.append(Group(_name(key), factor, schedule, taken))
    if free:
        made.append(Group(REST, 1.0, None, tuple(free)))
    trained = _distinct(_merged([group for group in made if group.factor]))
    if not trained:
        raise InvalidInput(
            "Every trainable variable is frozen, so nothing would train. Leave out the layers that "
            f"should. Received: {', '.join(map(label, rates))}."
        )
    return trained, found


def group_schedules(optimizer: Any) -> list[Schedule | None]:
    """The schedule of each leaf of an optimizer: of its group, `None` if it has none."""
    found: dict[str, Schedule] = {}
    for each in chain(optimizer):
        found.update(getattr(each, "group_schedules", {}))
    return [found.get(leaf.name) for leaf in leaves(optimizer)]


def _value(value: Any, key: Any) -> tuple[float, Schedule | None]:
    """A factor, and a schedule of it if it has one."""
    if value is None:
        return 0.0, None
    if isinstance(value, Real) and not isinstance(value, bool):
        factor = float(value)
        if 0 <= factor < math.inf:
            return factor, None
    elif isinstance(value, Schedule | str) or callable(value):
        schedule = as_schedule(value)
        if not schedule.absolute:
            return 1.0, schedule
        raise InvalidInput(
            f"The schedule of {label(key)} gives rates, and a group's gives factors of the "
            'optimizer\'s rate: write e.g. "cosine() | warmup(5%)". '
            f"Received: {schedule}."
        )
    raise InvalidInput(
        f"The rate of {label(key)} is a factor of the optimizer's: a number, at least 0; None for "
        'frozen; or a schedule, such as "cosine()" or unfreeze("30%"). '
        f"Received: {shown(value)}."
    )


def _merged(made: Sequence[Group]) -> list[Group]:
    """Groups with the same constant factor as one."""
    found: dict[Any, list[Group]] = {}
    for group in made:
        by = group.factor if group.schedule is None else id(group)
        found.setdefault(by, []).append(group)
    return [
        replace(
            alike[0],
            name=_joined([group.name for group in alike]),
            variables=tuple(sorted(index for group in alike for index in group.variables)),
        )
        for alike in found.values()
    ]


def _joined(names: list[str]) -> str:
    return "_and_".join(names) if len(names) <= 2 else f"{names[0]}_and_{len(names) - 1}_more"


def _distinct(made: list[Group]) -> list[Group]:
    named: dict[str, Group] = {}
    for group in made:
        name, count = group.name, 1
        while name in named:
            count += 1
            name = f"{group.name}_{count}"
        named[name] = replace(group, name=name)
    return list(named.values())


def _name(key: Any) -> str:
    """A key as a name that every backend takes for a scope."""
    if isinstance(key, tuple):
        return _joined([_name(each) for each in key])
    text = key if isinstance(key, str) else key.name
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "group"
