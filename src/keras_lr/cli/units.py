"""Steps, and lengths in other units, on the command line."""

import contextlib
from collections.abc import Sequence
from typing import Any

from keras_lr.errors import InvalidInput, UnknownUnit


def whole_steps(text: str) -> int:
    """The number of steps that a text means.

    Raises:
        InvalidInput: It isn't a whole number.

    >>> whole_steps("1000"), whole_steps("1e3"), whole_steps("10_000")
    (1000, 1000, 10000)
    """
    try:
        return int(text)
    except ValueError:
        with contextlib.suppress(ValueError):
            if float(text).is_integer():
                return int(float(text))
    raise InvalidInput(
        "--steps takes a whole number of updates in the run, such as 1000; for epochs, their number "
        f"times the steps of one. Received: --steps {text}"
    )


def read_steps(_: Any, tokens: Sequence[Any]) -> int:
    """The value of `--steps`, for the parser of options."""
    return whole_steps(tokens[0].value)


def read_moment(text: str, run: Any) -> int:
    """A step of a run, given as such or as a length from its start.

    Args:
        text: The step, or such as "5%", "3 epochs".
        run: The `Horizon`.

    Raises:
        InvalidInput: It isn't a moment of any run, or the steps of its unit aren't known.

    >>> from keras_lr.schedules import Horizon
    >>> run = Horizon(1000, steps_per_epoch=100)
    >>> read_moment("250", run), read_moment("5%", run), read_moment("3 epochs", run)
    (250, 50, 300)
    """
    from keras_lr.schedules.horizon import resolve_length

    bare = text.strip()
    try:
        return resolve_length(int(bare) if bare.isdecimal() else bare, run, "--at")
    except UnknownUnit as error:
        raise UnknownUnit(str(error), f"--at {bare!r}", error.unit) from error
    except InvalidInput as error:
        raise InvalidInput(
            "--at takes a step, 0 or later, or such as 5%, '3 epochs', '1000 samples'. "
            f"Received: --at {text}"
        ) from error
