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
    "-v": "--version",
    "-V": "--version",
}


def hint(error: Exception) -> str:
    """A few words on an option that there isn't, where the parser's own spelling found none.

    Args:
        error: The parser's.
    """
    from cyclopts import UnknownOptionError

    if not isinstance(error, UnknownOptionError) or "Did you mean" in str(error):
        return ""
    written = (error.token.keyword or error.token.value or "").partition("=")[0]
    known = {name for argument in error.argument_collection for name in argument.names}
    meant = _MEANT.get(written)
    if meant == "--rate" and "--rates" in known:
        meant = "--rates"
    if meant not in known:
        return ""
    return f" Did you mean {meant}?"
