"""Running a command: what goes to which stream, and which exit code it ends with."""

import contextlib
import os
import shutil
import sys
import traceback
from collections.abc import Sequence
from typing import Any, TextIO

from keras_lr.cli.output import INTERRUPTED, Output
from keras_lr.cli.spelling import in_options, options_of
from keras_lr.errors import InvalidInput, KerasLRError, UnknownUnit
from keras_lr.escaped import escaped
from keras_lr.files import refusal

_UNITS = {
    "epoch": ("--steps-per-epoch", 100, "the steps of an epoch"),
    "sample": ("--batch-size", 32, "the samples of a step"),
}
"""Which option says what a unit is, such as what, in words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: The arguments after the program's name; `sys.argv[1:]` by default.

    Returns:
        The exit code: 0 for success, 1 for a refusal or a failure, 2 for input that can't be
        used, 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["help"]:  # as git has it
        arguments = [*arguments[1:2], "--help"]
    debug = "--debug" in arguments
    stdout = sys.stdout
    try:
        if stdout is None:
            raise KerasLRError("There is no stdout to print the result to: it is closed.")
        # Whatever Keras or the user's own functions print is progress, not the result.
        with contextlib.redirect_stdout(sys.stderr):
            output, as_json = _run(arguments, stdout)
        if not isinstance(output, Output):
            return 0
        _finish(output, stdout, as_json=as_json)
        if output.error is not None:
            raise output.error
        return output.exit_code
    except KeyboardInterrupt:
        if debug:
            traceback.print_exc()
        _say("interrupted")
        return INTERRUPTED
    except KerasLRError as error:
        if debug:
            traceback.print_exc()
        _say(told(error, arguments), error=True)
        return error.exit_code


def _finish(output: Any, stdout: TextIO, *, as_json: bool) -> None:
    """Print the result, then write its files."""
    try:
        output.write(stdout, as_json=as_json)
        stdout.flush()
    except OSError as error:
        # Python would complain at exit; give it a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # `keras-lr ... | head`: the reader left
            raise KerasLRError(f"The result can't be printed ({refusal(error)}).") from error
    lines = [""] if output.files else []
    for file in output.files:
        with contextlib.redirect_stdout(sys.stderr):
            lines.append(file.save())
    if lines and not as_json:
        print(escaped("\n".join(lines)), file=stdout, flush=True)


def _run(arguments: list[str], stdout: TextIO) -> tuple[Any, bool]:
    """What the command gives back, and whether it is wanted as JSON."""
    if all(each in ("--json", "--debug") for each in arguments):
        from keras_lr.cli.overview import overview

        return overview(), "--json" in arguments
    command, bound = _parsed(arguments, stdout)
    output = command(*bound.args, **bound.kwargs)
    return output, getattr(bound.arguments.get("common"), "json", False)


def _parsed(arguments: list[str], stdout: TextIO) -> tuple[Any, Any]:
    from cyclopts import CycloptsError
    from rich.console import Console

    from keras_lr.cli.app import app
    from keras_lr.cli.hints import hinted

    try:
        return app.parse_args(
            arguments,
            console=Console(file=stdout),
            error_console=Console(stderr=True),
            exit_on_error=False,
            print_error=False,
        )[:2]
    except CycloptsError as error:
        if isinstance(error.__cause__, InvalidInput):  # of our own reading of an option
            raise error.__cause__ from error
        raise InvalidInput(f"{hinted(error)} Try: {_help_for(arguments)}") from error


def _help_for(arguments: list[str]) -> str:
    command = _command(arguments)
    return " ".join(["keras-lr", *([command] if command else []), "--help"])


def one_line(error: BaseException) -> str:
    """An error's message on one line.

    >>> one_line(ValueError("first\\n   second"))
    'first second'
    """
    return " ".join(str(error).split()) or type(error).__name__


def told(error: BaseException, arguments: Sequence[str] = ()) -> str:
    """An error's message on one line; below it the text it points into, and the pointer.

    Args:
        error: The error.
        arguments: The command's, in whose options it is to speak.

    >>> print(told(ValueError("Unknown schedule 'cosin'.\\n  1 * cosin\\n      ^")))
    Unknown schedule 'cosin'.
      1 * cosin
          ^
    """
    if isinstance(error, UnknownUnit):
        return _without_unit(error, options_of(_command(arguments)))
    lines = str(error).splitlines()
    at = next((i for i, line in enumerate(lines) if line.strip() == "^"), 0)
    if at < 2:
        return in_options(one_line(error), _command(arguments))
    message = " ".join(" ".join([*lines[: at - 1], *lines[at + 1 :]]).split())
    message = in_options(message, _command(arguments))
    return "\n".join([message, *_window(lines[at - 1], lines[at].index("^"))])


def _command(arguments: Sequence[str]) -> str | None:
    from keras_lr.cli.app import COMMANDS

    return next((each for each in arguments if each in COMMANDS), None)


def _without_unit(error: UnknownUnit, options: Sequence[str]) -> str:
    """A length whose unit isn't known: the option that says it, where the command has one."""
    option, example, what = _UNITS[error.unit]
    if option in options:
        return f"{error.length} needs {what}: add e.g. {option} {example}."
    return (
        f"{error.length} is in {error.unit}s, which aren't known here. Give the length in steps, "
        "or as a share such as 5%."
    )


def _window(text: str, caret: int) -> tuple[str, str]:
    """A long text is cut to what stands around the pointer: a wrapped line has none."""
    width = max(40, shutil.get_terminal_size((80, 24)).columns)
    start = max(0, min(caret - width // 2, len(text) - width + 6))
    shown = text[start : start + width - 6]
    if start == 0 and len(shown) == len(text):
        return text, f"{' ' * caret}^"
    before = "  …" if start else ""
    after = "…" if start + len(shown) < len(text) else ""
    return f"{before}{shown}{after}", f"{' ' * (len(before) + caret - start)}^"


def _say(text: str, *, error: bool = False) -> None:
    from keras_lr.watch.terminal.colour import painted

    start = painted("keras-lr: error:", "bold red", sys.stderr) if error else "keras-lr:"
    print(f"{start} {escaped(text)}", file=sys.stderr)
