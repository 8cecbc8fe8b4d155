"""What people write who come from elsewhere, and what it is called here."""

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
    from cyclopts import UnknownOptionError

    told = " ".join(str(error).split())
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
