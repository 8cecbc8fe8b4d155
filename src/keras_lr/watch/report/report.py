"""The report: one HTML file that opens offline, on a phone and on paper, light and dark."""

import os
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.watch.report.library import Library, checked_library
from keras_lr.watch.report.page import page
from keras_lr.watch.report.place import checked_place, write_atomically
from keras_lr.watch.report.section import Section

__all__ = ["page", "report", "sections_of", "write_atomically"]


def report(result: Any, path: str | os.PathLike[str], *, js: Library = "inline") -> Path:
    """Write what was found to one HTML file: the answer in words, charts, code to copy.

    Args:
        result: A `Finding`, `Study`, `Comparison`, `Diagnosis`, `keras_lr.watch.Run`, what `fit`
            returned, the path of a run's record or log, a schedule, or a list of those (the most
            telling of them answers for the page; several runs are compared with each other).
        path: The file to write; its folder is created when missing. The file appears whole or
            not at all.
        js: `"inline"` holds the chart library in the file (about 5 MB, opens offline); `"cdn"`
            loads it from plotly's server (a small file, its hash checked).

    Returns:
        The path that was written.

    Raises:
        InvalidInput: A result that can't be drawn, an unknown `js`, or a path that can't be written.
    """
    library = checked_library(js)
    place = checked_place(path)
    return write_atomically(place, page(sections_of(result), js=library))


def sections_of(result: Any) -> list[Section]:
    """The parts of a report about a result or several; of several runs one more, which compares them.

    Args:
        result: As in `report`.
    """
    results = list(result) if isinstance(result, list | tuple) else [result]
    if not results:
        raise InvalidInput("There is nothing to report. Received: an empty list.")
    from keras_lr.watch.examined import Examined, examine
    from keras_lr.watch.report.runs import runs_section
    from keras_lr.watch.report.sections import is_run, section
    from keras_lr.watch.run import Run

    read = [examine(Run.of(each)) if is_run(each) else each for each in results]
    runs = [each for each in read if isinstance(each, Examined)]
    compared = [runs_section(runs)] if len(runs) > 1 else []
    return [*compared, *(section(each) for each in read)]
