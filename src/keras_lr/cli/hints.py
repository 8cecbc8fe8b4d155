"""What people write who come from elsewhere, and what it is called here."""

from typing import Any

_MEANT = {
    "--lr": "--rate",
    "--learning-rate": "--rate",
    "--learning-rates": "--rates",
    "--lr-range": "--rates",
    "--n-trials": "--trials",
    "--max-trials": "--trials",
    "--num-samples": "--trials",
    "--num-epochs": "--epochs",
    "--output": "--out",
    "--html": "--out",
    "-o": "--out",
    "--name": "--study-name",
    "--study": "--study-name",
    "--metric": "--objective",
    "--monitor": "--objective",
    "--search": "--space",
    "--db": "--storage",
    "--resume": "--storage",
    "--validation-data": "--validation-split",
    "--label": "--target",
}


def hinted(error: Exception) -> str:
    """What the parser says of a mistake, on one line, with what was meant where that is known.

    Args:
        error: The parser's.
    """
    from cyclopts import MissingArgumentError, UnknownOptionError

    told = " ".join(str(error).split())
    if isinstance(error, MissingArgumentError) and error.keyword is None and "Did you" not in told:
        return _left_out(error) or told
    if not isinstance(error, UnknownOptionError):
        return told
    written = (error.token.keyword or error.token.value or "").partition("=")[0]
    known = {name for argument in error.argument_collection for name in argument.names}
    meant = _MEANT.get(written)
    if meant == "--rate" and "--rates" in known:
        meant = "--rates"
    if meant not in known:
        return told
    return f"{told.partition(' Did you mean')[0]} Did you mean {meant}?"


def _left_out(error: Any) -> str | None:
    """What a command can't do without, and what that is."""
    from keras_lr.cli.app import app

    if error.argument is None or not error.command_chain:
        return None
    name, command = error.argument.name, " ".join(error.command_chain)
    known = app[command].assemble_argument_collection(parse_docstring=True)
    told = next((each.parameter.help for each in known if each.name == name), None)
    if not told:
        return None
    value = " N" if error.argument.hint in (int, float) else ""
    return f"{command} needs {name}{value}: {told.partition('. ')[0].rstrip('.')}."
