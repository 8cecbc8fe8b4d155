"""Whether something is a rule, for everything that is given rules."""

from collections.abc import Iterable
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rules.in_graph import checked_in_graph
from keras_lr.rules.rule import Rule, is_in_graph

_PARTS = ("name", "restores", "monitor", "start", "update")


def checked_rules(rules: Any, write: str) -> tuple[Rule, ...]:
    """A rule, or several, as a tuple; refuse what is none, before anything is trained.

    Args:
        rules: What was given.
        write: The line to write instead, for errors.

    Raises:
        InvalidInput: One of them is no rule, or one that can't work.
    """
    several = isinstance(rules, Iterable) and not isinstance(rules, str)
    found: tuple[Any, ...] = tuple(rules) if several else (rules,)
    for rule in found:
        _check(rule, write)
    return found


def _check(rule: Any, write: str) -> None:
    if isinstance(rule, type) or not (hasattr(rule, "start") or hasattr(rule, "update")):
        raise InvalidInput(f"rules must be rule objects. Received: {rule!r}. Write e.g. {write}.")
    name = type(rule).__name__
    lacks = [each for each in _PARTS if not hasattr(rule, each)]
    if lacks:
        raise InvalidInput(
            f"{name} is no rule yet: it has no {', no '.join(lacks)}. "
            "help(keras_lr.rules.Rule) says what they are."
        )
    # It is compared with the one that a checkpoint was made with, and is a key of dictionaries.
    params = getattr(type(rule), "__dataclass_params__", None)
    if params is None or not params.frozen:
        raise InvalidInput(
            f"A rule is a frozen dataclass of settings; what changes is its state. Write "
            f"@dataclasses.dataclass(frozen=True) above class {name}. Received: {rule!r}."
        )
    try:
        hash(rule)
    except TypeError as error:
        raise InvalidInput(
            f"The settings of {name} must not change: write a tuple where one is a list, and a "
            f"tuple of pairs where one is a dictionary. Received: {rule!r} ({error})."
        ) from None
    if is_in_graph(rule):
        checked_in_graph(rule)
