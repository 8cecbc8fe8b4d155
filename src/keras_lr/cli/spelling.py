"""Errors of the library, which speak Python, in the words of the command line."""

import re
import shlex
from collections.abc import Iterable

_CALLED = {"learning_rates": "rates", "learning_rate": "rate", "seeds": "seeds", "top": "confirm"}
"""What an option is called in Python, where that isn't its own name."""

_LISTS = ("Valid names:", "Did you mean")
"""Behind these there are names of other things."""

_GIVEN = re.compile(
    r"(?<![\w.'\"-])([a-z]\w*)=(\([^()]*\)|\[[^\[\]]*\]|'[^']*'|\"[^\"]*\"|[\w.+%-]*[\w%])?"
)
_NAMED = re.compile(r"(?<![\w.'\"({=-])([a-z]+(?:_[a-z]+)+)(?!\.?\w|['\"=(])")
_METHOD = re.compile(r"(?<!\w)\.(warmup|cooldown|repeat)\('([^']*)'\)")
_CALL = re.compile(r"(?<![\w.])(?:diagnose|replay)\(\.\.\., ([a-z]\w*)(=[^()]*)\)")
"""An argument as the library writes it in a call of which it leaves out the rest."""
_TUNE = re.compile(r"(the same call of )?(?<![\w.])(tune|find)\((?:\.\.\.)?\)")


def in_options(message: str, command: str | None) -> str:
    """A message of the library's in the words of a command.

    Args:
        message: The library's.
        command: Its name; `None` where none was called.
    """
    return spelled(message, options_of(command))


def options_of(command: str | None) -> list[str]:
    """The options of a command; none of no command."""
    from keras_lr.cli import app

    return [] if command is None else app.options_of(command)


def spelled(message: str, options: Iterable[str]) -> str:
    """A message with options in the place of arguments.

    What stands in the parentheses of a call is code, and stays.

    Args:
        message: The library's.
        options: The command's, such as "--study-name".

    >>> spelled("Sweep higher: learning_rates=(1e-01, 1e+02).", ["--rates"])
    'Sweep higher: --rates 1e-01 1e+02.'
    >>> spelled("Choose another study_name. Received: storage='a b.db'.", ["--study-name", "--storage"])
    "Choose another --study-name. Received: --storage 'a b.db'."
    >>> spelled("Write keras.optimizers.SGD(momentum=0.9).", ["--momentum"])
    'Write keras.optimizers.SGD(momentum=0.9).'
    >>> spelled("Write replay(..., rows='epoch') or rows='step'.", ["--rows"])
    'Write --rows epoch or --rows step.'
    >>> spelled('Write diagnose(..., loss="...").', ["--loss"])
    'Write --loss NAME.'
    """
    known = {name.removeprefix("--").replace("-", "_"): name for name in options}
    message = _METHOD.sub(r"\1(\2)", message)
    message = _TUNE.sub(
        lambda m: "the same command" if m[1] else f"keras-lr {m[2]}",
        message,
    )

    def option(name: str) -> str | None:
        return known.get(name) or known.get(_CALLED.get(name, ""))

    def given(match: re.Match[str]) -> str:
        found = option(match[1])
        if found is None or _in_call(message, match.start()):
            return match[0]
        return " ".join([found, *_words(match[2] or "")])

    message = _CALL.sub(lambda m: m[1] + m[2] if option(m[1]) else m[0], message)
    message = _GIVEN.sub(given, message)

    def named(match: re.Match[str]) -> str:
        found = option(match[1])
        before = message[: match.start()]
        if found is None or _in_call(message, match.start()) or any(x in before for x in _LISTS):
            return match[0]
        return found

    return _NAMED.sub(named, message)


def _words(value: str) -> list[str]:
    """A value of Python's as the shell takes it."""
    if value[:1] in ("(", "["):
        return [word for part in value[1:-1].split(",") for word in _words(part.strip())]
    if value in ('"..."', "'...'"):
        return ["NAME"]
    if value[:1] in ("'", '"'):
        return [shlex.quote(value[1:-1])]
    return [value] if value else []


def _in_call(text: str, at: int) -> bool:
    """Whether a place lies between the parentheses of a call."""
    depth = 0
    for index in range(at - 1, -1, -1):
        if text[index] == ")":
            depth += 1
        elif text[index] == "(":
            if depth == 0 and index and re.match(r"[\w\]]", text[index - 1]):
                return True
            depth = max(0, depth - 1)
    return False
