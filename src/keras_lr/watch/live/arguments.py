"""The arguments of `Live`, checked when it is made."""

from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.watch.report.place import checked_place


def checked_path(given: Any) -> Path | None:
    """Where the report goes."""
    return None if given is None else checked_place(given, "report")


def checked_seconds(given: Any) -> float:
    """Seconds between two writings."""
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not 0 < given < float("inf"):
        raise InvalidInput(
            "seconds are those between two writings of the report, above 0. Write e.g. "
            f"seconds=30. Received: seconds={given!r}."
        )
    return float(given)
