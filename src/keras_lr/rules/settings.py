"""Checks of a rule's settings, whose errors end in a line to write."""

from dataclasses import fields
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rules.rule import number


def check_monitor(monitor: object, owner: str, example: str = "val_loss") -> None:
    """Refuse what can't be the name of a metric."""
    if not isinstance(monitor, str) or not monitor:
        raise InvalidInput(
            f"monitor must be the name of a metric. Received: monitor={monitor!r}. "
            f'Write e.g. {owner}("{example}").'
        )


def make_numbers(rule: Any, *names: str, whole: bool = False) -> None:
    """Make settings plain Python numbers, while a frozen rule is made.

    Args:
        rule: A dataclass whose settings have defaults.
        names: Which settings.
        whole: Whether they count something.

    Raises:
        InvalidInput: One isn't a finite number (a whole one, with `whole`).
    """
    for name in names:
        value = number(getattr(rule, name), name, whole=whole, example=_default(rule, name))
        object.__setattr__(rule, name, value)


def check(rule: Any, valid: bool, name: str, what: str) -> None:
    """Refuse a setting that isn't `what` it must be; the default is one that is.

    Args:
        rule: A dataclass whose settings have defaults.
        valid: Whether it is.
        name: Which setting.
        what: What it must be, in words.

    Raises:
        InvalidInput: It isn't valid.
    """
    if not valid:
        raise InvalidInput(
            f"{name} must be {what}. Received: {name}={getattr(rule, name)!r}. "
            f"Write e.g. {name}={_default(rule, name)!r}."
        )


def _default(rule: Any, name: str) -> Any:
    return next(each.default for each in fields(rule) if each.name == name)
