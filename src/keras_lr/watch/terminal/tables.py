"""Results in the terminal as tables: text in columns that a narrow terminal has room for."""

import io
import shutil
from collections.abc import Sequence
from typing import Any

from keras_lr.escaped import escaped
from keras_lr.watch.comparison import Comparison
from keras_lr.watch.style import score

NUMBER = 12
"""Characters of a cell, at most, that isn't folded."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> str:
    """Rows in columns, as text; the first column keeps its width.

    >>> print(table(["rate", "loss"], [["0.1", "0.25"], ["0.01", "1.5"]]))
     rate  loss
     0.1   0.25
     0.01  1.5
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    plain = Table(box=None, title=title, title_justify="left", pad_edge=True, padding=(0, 1))
    if len(rows) > 12:
        plain.box = SIMPLE_HEAD
    width = max(60, shutil.get_terminal_size((100, 24)).columns)
    cells = [[escaped(cell) for cell in row] for row in rows]
    names = [escaped(name) for name in header]
    if sum(long + 2 for long in _longest([names, *cells])) > width:
        # Where it gets narrow, names are stacked and texts folded, or left out; numbers stay whole.
        cells = [[clipped(cell) for cell in row] for row in cells]
        short = [long <= NUMBER for long in _longest(cells)] or [True] * len(names)
        names = [_stacked(name) if few else name for name, few in zip(names, short, strict=True)]
    longest = _longest(cells) or [0] * len(names)
    texts = [long > NUMBER for long in longest]
    numbers = sum(
        max([long, *map(len, name.splitlines())]) + 2
        for name, long, text in zip(names, longest, texts, strict=True)
        if not text
    )
    fits = not any(texts) or all(texts) or (width - numbers) // sum(texts) >= NUMBER
    shown = [index for index, text in enumerate(texts) if fits or not text]
    for index in shown:
        plain.add_column(Text(names[index]), overflow="fold", no_wrap=not texts[index])
    for row in cells:
        plain.add_row(*(Text(row[index]) for index in shown))
    buffer = io.StringIO()
    Console(file=buffer, width=width, force_terminal=False).print(plain)
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines())


def _longest(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _stacked(name: str) -> str:
    return name.replace(" ", "\n").replace("_", "_\n")


def clipped(text: str, most: int = 48) -> str:
    """A text for a table: of a long one its beginning.

    >>> clipped("piecewise([2 epochs], values=[1.0, 2.0])", 12)
    'piecewise([…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def trials_table(study: Any, *, count: int = 8) -> str:
    """The best trials of a study, as text."""
    from keras_lr.watch.trials import describe_value, ranked, varied

    best = ranked(study)[:count]
    if hasattr(study, "copies"):
        from keras_lr.watch.report.studies import members_table

        members = members_table(study, best)
        return table(members.header, members.rows)
    keys = varied(study)
    rows = [
        [
            str(trial.number),
            score(study.objective, trial.value),
            *(describe_value(trial.params.get(key), key) for key in keys),
        ]
        for trial in best
    ]
    return table(["trial", study.objective, *keys], rows)


def comparison_table(comparison: Comparison) -> str:
    """The arms of a comparison, their scores, and whether they differ, as text."""
    from keras_lr.watch.answers import against, difference

    rows = []
    for arm in comparison.arms:
        told = "–" if arm is comparison.candidate else difference(comparison, arm)
        reached = score(comparison.metric, arm.mean, arm.spread)
        rows.append([arm.name, arm.description, reached, told])
    header = ["trained with", "setting", comparison.metric, against(comparison)]
    return table(header, rows)
