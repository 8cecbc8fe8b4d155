"""The report of a running fit: a page that is written again and again, and renews itself."""

import json
import time
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.watch.examined import examine
from keras_lr.watch.live.progress import Progress
from keras_lr.watch.live.throttle import Throttle
from keras_lr.watch.report import write_atomically
from keras_lr.watch.report.library import Library
from keras_lr.watch.report.page import page
from keras_lr.watch.report.place import try_place
from keras_lr.watch.report.runs import UNFINISHED, run_section
from keras_lr.watch.report.section import Section
from keras_lr.watch.run import Run

STALE = 3
"""After so many times that in which it should have been, a page that wasn't written again says so."""
WORDS = {
    "running": "The training goes on: {}.",
    "done": "The training is {}.",
    "stopped": "The training was {}.",
}


class Page:
    """The report as a place to show a fit in.

    Args:
        path: The file.
        seconds: Between two writings, at least.
        js: As in `keras_lr.report`.

    Raises:
        InvalidInput: It can't be written there.
    """

    def __init__(self, path: Path, seconds: float, js: Library = "inline") -> None:
        self.throttle = Throttle(seconds)
        self._path = path
        self._js = js
        try_place(path)

    def begin(self, model: Any) -> None:
        """The first page comes with the first look."""

    def show(self, run: Run, progress: Progress) -> None:
        """Write the page, whole or not at all; while the fit goes on, with what renews it."""
        told = WORDS[progress.state].format(progress.words())
        goes_on = progress.state == "running"
        part = _section(run, "" if goes_on else told)
        script = reloading(told, self.throttle.wait) if goes_on else ""
        write_atomically(self._path, page([part], js=self._js, script=script))

    def end(self, run: Run, progress: Progress) -> None:
        """Write it without."""
        self.show(run, progress)

    def leave(self) -> None:
        """Nothing was changed."""


def reloading(told: str, wait: float) -> str:
    """JavaScript that renews a page while its run goes on, and keeps the reader's place in it.

    Args:
        told: Where the run stands, in words.
        wait: Seconds until the page is written again.
    """
    settings = {
        "told": told,
        "seconds": max(0.5, round(wait, 1)),
        "stale": STALE * max(20, round(wait)),
        "written": round(time.time() * 1000),
    }
    source = resources.files("keras_lr.watch.live").joinpath("reload.js").read_text()
    plain = json.dumps(settings).replace("<", "\\u003c")
    return f"{source.rstrip().removesuffix(';')}({plain});\n"


def _section(run: Run, told: str) -> Section:
    if not run.history and not run.steps:
        return Section(run.name, "Nothing to show yet.", notes=[told])
    try:
        found = run_section(examine(run), unfinished="" if told else UNFINISHED)
    except InvalidInput:  # nothing finite in it, so nothing to draw
        return Section(run.name, "No loss is a number yet.", notes=[told])
    return replace(found, notes=[told, *found.notes])
