"""Schedules and rules with parameters: made anew for each trial from other names of the space.

A template is a text with names in braces, `"cosine() | warmup({warmup}%)"`, or a function whose
arguments are names of the space, `lambda patience: rules.Plateau(patience=patience)`. Rates are
computed on the host, so none of this compiles anything.
"""

import functools
import inspect
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_lr.errors import InvalidInput, nearest


@dataclass(frozen=True)
class Template:
    """A schedule or rules that wait for values.

    Args:
        label: What is stored and shown for it: its text, or the function's name and arguments.
        names: The names of the space that it takes.
        make: From their values to whatever the space takes for a schedule or for rules.
    """

    label: str
    names: tuple[str, ...]
    make: Callable[..., Any] = field(compare=False)

    def filled(self, values: Mapping[str, Any]) -> Any:
        """What it is for these values.

        Raises:
            InvalidInput: It can't be made of them.
        """
        given = {name: values[name] for name in self.names}
        try:
            return self.make(**given)
        except Exception as error:
            told = ", ".join(f"{name}={value!r}" for name, value in given.items())
            kind = "" if isinstance(error, InvalidInput) else f"{type(error).__name__}: "
            raise InvalidInput(
                f"{self.label} can't be made with {told}, as the space gives it: {kind}{error}"
            ) from error


def as_template(key: str, given: Any, names: Any) -> Template | None:
    """`given` as a template, or `None` where it is a schedule or rules as it stands.

    Args:
        key: `"schedule"` or `"rules"`.
        given: One choice of the space for it.
        names: The names of the space.

    Raises:
        InvalidInput: It takes what the space doesn't name.
    """
    known = [name for name in names if name not in ("schedule", "rules")]
    if isinstance(given, str):
        return _of_text(given, known) if "{" in given or "}" in given else None
    if not (inspect.isroutine(given) or isinstance(given, functools.partial)):
        return None
    taken = _arguments(given)
    if key == "schedule" and len(taken) == 1 and not set(taken) & set(known):
        return None  # a function of the step, which is a schedule by itself
    required = [name for name, needed in taken.items() if needed]
    for name in required:
        if name not in known:
            raise InvalidInput(
                f"The function for {key!r} takes {name!r}, which the space doesn't name. Add it, "
                f"e.g. {name!r}: keras_lr.Uniform(0.0, 1.0). {nearest(name, known)}"
            )
    used = tuple(name for name in taken if name in known)
    own = getattr(given, "__name__", "function")
    label = f"{'function' if own == '<lambda>' else own}({', '.join(used)})"
    return Template(label, used, given)


def _of_text(text: str, known: list[str]) -> Template:
    write = 'Write e.g. "cosine(end={end}) | warmup({warmup}%)".'
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    except ValueError as error:
        raise InvalidInput(f"The braces in {text!r} don't fit ({error}). {write}") from error
    for name in fields:
        if name not in known:
            raise InvalidInput(
                f"The text {text!r} takes {name!r}, which the space doesn't name. "
                f"{nearest(name, known) if name.isidentifier() else write}"
            )
    return Template(text, tuple(dict.fromkeys(fields)), functools.partial(_fill, text))


def _fill(text: str, **values: Any) -> str:
    try:
        return text.format(**{name: _plain(value) for name, value in values.items()})
    except (ValueError, TypeError) as error:
        raise InvalidInput(f"a format in {text!r} doesn't suit its value ({error})") from error


def _plain(value: Any) -> Any:
    """A number as the texts of schedules have it, without digits that only rounding made."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _arguments(function: Any) -> dict[str, bool]:
    """Names of a function's arguments, and whether each has to be given."""
    try:
        found = inspect.signature(function).parameters.values()
    except ValueError:  # one of C's that doesn't tell
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default is p.empty for p in found if p.kind in named}
