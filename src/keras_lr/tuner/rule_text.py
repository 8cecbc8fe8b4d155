"""Rules as text, both ways: `Plateau(patience=4) + Divergence()`."""

import ast
from dataclasses import fields
from typing import Any

from keras_lr.errors import InvalidInput, nearest
from keras_lr.rules import RULES, Rule

NONE = "none"
"""The text of no schedule, and of no rules."""

_WRITE = "Write e.g. \"Plateau('val_loss', patience=3)\", or several with a + between them."


def rule_text(rule: Any) -> str:
    """A rule as code, with the settings that aren't its defaults.

    >>> from keras_lr.rules import Plateau
    >>> rule_text(Plateau(patience=4))
    'Plateau(patience=4)'
    """
    changed = [
        f"{item.name}={getattr(rule, item.name)!r}"
        for item in fields(rule)
        if getattr(rule, item.name) != item.default
    ]
    return f"{type(rule).__name__}({', '.join(changed)})"


def rules_text(rules: tuple[Any, ...]) -> str:
    """Several rules as one text; `NONE` for none."""
    return " + ".join(rule_text(rule) for rule in rules) or NONE


def parse_rules(text: str) -> tuple[Rule, ...]:
    """Rules from their text. Nothing is evaluated: arguments are numbers, texts and the like.

    Args:
        text: Rules of `keras_lr.rules` (and registered ones) by name, with a + between them.

    Raises:
        InvalidInput: It isn't such a text, or a rule refuses its settings.

    >>> parse_rules("Plateau(patience=4) + Divergence()")[0].patience
    4
    """
    if text.strip() == NONE:
        return ()
    try:
        found = _members(ast.parse(text.strip(), mode="eval").body)
    except SyntaxError as error:
        raise InvalidInput(f"This is no text of rules. Received: {text!r}. {_WRITE}") from error
    return tuple(_rule(node, text) for node in found)


def _members(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _rule(node: ast.expr, text: str) -> Rule:
    known = {kind.__name__: kind for kind in RULES.values()}
    named = node.func if isinstance(node, ast.Call) else node
    if not isinstance(named, ast.Name):
        raise InvalidInput(f"This is no text of rules. Received: {text!r}. {_WRITE}")
    found = {name.lower(): name for name in known}.get(named.id.lower())
    if found is None:
        raise InvalidInput(f"There is no rule {named.id!r}. {nearest(named.id, known)}")
    call = node if isinstance(node, ast.Call) else ast.Call(named, [], [])
    try:
        positional = [ast.literal_eval(argument) for argument in call.args]
        settings = {str(item.arg): ast.literal_eval(item.value) for item in call.keywords}
        return known[found](*positional, **settings)
    except InvalidInput:
        raise
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The rule {ast.unparse(node)!r} can't be made ({error}). {_WRITE}"
        ) from error
