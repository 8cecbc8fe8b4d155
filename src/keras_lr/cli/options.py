"""Options that every command has, and what they mean."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from keras_lr.errors import InvalidInput
from keras_lr.escaped import escaped
from keras_lr.files import refusal, try_writing

_EVERY = Group("Every command", sort_key=1)
_Flag = Parameter(negative="", group=_EVERY, show_default=False)


Js = Annotated[
    Literal["inline", "cdn"],
    Parameter(
        help="inline holds the chart library in the page (about 5 MB, opens offline), cdn loads it "
        "from the network."
    ),
]
"""How a page gets its chart library; see `keras_lr.report`."""


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command.

    Args:
        config: A TOML file whose table of the command's name has its options and arguments; what
            is written here counts before it.
        json: Print one JSON object on stdout, and nothing else there.
        debug: Show the traceback of an error.
    """

    config: Annotated[Path | None, Parameter(name="--config", group=_EVERY)] = None
    json: Annotated[bool, _Flag] = False
    debug: Annotated[bool, _Flag] = False


def say(text: str) -> None:
    """A line of progress, on stderr."""
    print(escaped(text), file=sys.stderr, flush=True)


def start(command: str) -> str:
    """Name the backend that does the work; an instruction when none is installed."""
    from keras_lr import backend

    name = backend.require()
    say(f"keras-lr {command}: Keras on {name}")
    return name


def check_writable(path: Path | None, option: str, suffix: str) -> None:
    """Refuse a path that can't be written, before an hour of training rather than after it."""
    if path is None:
        return
    if path.suffix.lower() != suffix:
        raise InvalidInput(f"{option} names a {suffix} file. Received: {option} {path}")
    try:
        if path.is_dir():
            raise InvalidInput(
                f"{option} names a file, and this is a folder. Received: {option} {path}"
            )
        try_writing(path)
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"{option} can't be written there ({refusal(error)}). Name a file in a folder that you may "
            f"write to. Received: {option} {path}"
        ) from error


def read_schedule(text: str, option: str = "") -> Any:
    """A schedule from its text form; the error names the option that it was given to."""
    from keras_lr.schedules import parse

    try:
        return parse(text)
    except InvalidInput as error:
        raise InvalidInput(f"{option}: {error}" if option else str(error)) from error


def positive(option: str, *values: float | None) -> None:
    """Refuse what isn't a positive finite number."""
    if any(value is not None and not (value > 0 and math.isfinite(value)) for value in values):
        given = " ".join(f"{value:g}" for value in values if value is not None)
        raise InvalidInput(f"{option} takes positive numbers. Received: {option} {given}")


def check_ends(option: str, ends: tuple[float, float] | None) -> None:
    """Refuse a range of rates that isn't one: not positive, or the higher end first."""
    if ends is None:
        return
    positive(option, *ends)
    if not ends[0] < ends[1]:
        raise InvalidInput(
            f"{option} takes the lowest and the highest rate. "
            f"Received: {option} {ends[0]:g} {ends[1]:g}"
        )


def fit_arguments(data: Any, known: Sequence[str], text: str, command: str) -> dict[str, Any]:
    """Arguments of `fit` that the user's function returned, as far as the command knows them."""
    for name in data.fit:
        if name not in known:
            raise InvalidInput(
                f"keras-lr {command} can't use {name!r}, which {text} returned. "
                f"It takes x, y, validation_data, {', '.join(known)}."
            )
    return dict(data.fit)
