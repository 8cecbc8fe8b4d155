"""The command line: `keras-lr demo`, `find`, `tune`, `show`, `doctor` and `report`.

Commands are imported when they are called. Progress goes to stderr and the result to stdout, so
`keras-lr ... --json | jq` works. A user's mistake is a line on stderr and exit code 2; `--debug`
shows the traceback.
"""

from keras_lr.cli.entry import main

__all__ = ["main"]
