"""Colours in the terminal, only where they are wanted."""

import os
import sys
from typing import TextIO

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def coloured(stream: TextIO | None = None) -> bool:
    """Whether a stream takes colours.

    `NO_COLOR` (not empty) says no to all; `FORCE_COLOR` (not empty, nor 0) says yes where it isn't
    a terminal; else a terminal does, unless it is a dumb one. See no-color.org, force-color.org.

    Args:
        stream: Where the text goes; by default stdout.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def painted(text: str, style: str, stream: TextIO | None = None) -> str:
    """A text in colour, where its stream takes any.

    Args:
        text: The text.
        style: Words such as "bold cyan".
        stream: Where it goes; by default stdout.

    Raises:
        KeyError: A style that isn't known.
    """
    codes = ";".join(str(_CODES[word]) for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if coloured(stream) else text
