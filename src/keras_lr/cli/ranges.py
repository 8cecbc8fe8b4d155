"""`--space NAME=RANGE`: more of what `keras-lr tune` searches, written in the shell."""

import string
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.errors import InvalidInput, nearest

OPTIONS = {
    "learning_rate": "--rate",
    "momentum": "--momentum",
    "schedule": "--schedule",
    "rules": "--rules",
}
"""Names that have an option of their own."""

_WRITE = (
    "Write --space NAME=LOW:HIGH (whole numbers if both are), NAME=LOW:HIGH:log where factors "
    "matter, or NAME=A,B,C for a choice."
)


def read_ranges(given: Sequence[str] | None) -> dict[str, Any]:
    """The space that `--space` options write.

    Args:
        given: Texts such as "weight_decay=1e-5:1e-2:log".

    Raises:
        InvalidInput: One isn't such a text, or names what has an option of its own.
    """
    found: dict[str, Any] = {}
    for text in given or ():
        name, equals, written = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier() or not written.strip():
            raise InvalidInput(f"{_WRITE} Received: --space {text}")
        if name in OPTIONS:
            raise InvalidInput(f"{name} is given by {OPTIONS[name]}. Received: --space {text}")
        if name in found:
            raise InvalidInput(f"--space names {name} twice. Received: --space {text}")
        found[name] = _range(written, text)
    return found


def check_fields(option: str, texts: Sequence[str] | None, names: Mapping[str, Any]) -> None:
    """Refuse texts with parameters in braces that no `--space` names."""
    for text in texts or ():
        try:
            fields = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except ValueError as error:
            raise InvalidInput(
                f"The braces don't fit ({error}). Received: {option} {text}"
            ) from None
        for name in fields:
            if name in names or name in ("learning_rate", "momentum"):
                continue
            raise InvalidInput(
                f"{option} takes the parameter {name!r}, which no --space names. Add e.g. --space "
                f"{name if name.isidentifier() else 'NAME'}=1:20. {nearest(name, names)} "
                f"Received: {option} {text}"
            )


def _range(written: str, text: str) -> Any:
    from keras_lr.tuner import Integers, LogIntegers, LogUniform, Uniform

    parts = [part.strip() for part in written.split(":")]
    if len(parts) == 1:
        return [_value(part.strip()) for part in written.split(",")]
    log = parts[2:] == ["log"]
    ends = [_value(part) for part in parts[:2]]
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
    if not numbers or (len(parts) > 2 and not log):
        raise InvalidInput(f"{_WRITE} Received: --space {text}")
    if all(isinstance(end, int) for end in ends):
        kind = LogIntegers if log else Integers
    else:
        kind = LogUniform if log else Uniform
    try:
        return kind(*ends)
    except InvalidInput as error:
        what = "two positive numbers" if log else "two numbers"
        raise InvalidInput(
            f"LOW:HIGH are {what}, the lower first. Received: --space {text}"
        ) from error


def _value(written: str) -> Any:
    words = {"true": True, "false": False, "none": None}
    if written.lower() in words:
        return words[written.lower()]
    for kind in (int, float):
        try:
            return kind(written)
        except ValueError:
            continue
    return written
