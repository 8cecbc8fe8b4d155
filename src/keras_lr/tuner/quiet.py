"""Optuna without its own log lines: a study has one line of progress, not one a trial."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

_POOLS = ("QueuePool", "NullPool", "SingletonThreadPool")


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Optuna and SQLAlchemy without their log lines, and without its warnings that something is experimental."""
    import optuna

    pools = [logging.getLogger(f"sqlalchemy.pool.impl.{name}") for name in _POOLS]
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for pool in pools:
        pool.addFilter(_sound)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
        for pool in pools:
            pool.removeFilter(_sound)


def _sound(record: logging.LogRecord) -> bool:
    """Not the traceback of a cursor that Ctrl-C cut off: the statement is run again, or rolled back."""
    return record.getMessage() != "Error closing cursor"
