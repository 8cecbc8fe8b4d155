"""A part of a report: the answer in words, charts, tables, and code to copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Chart:
    """A figure and the sentence that says how to read it.

    Args:
        figure: A plotly figure.
        caption: The sentence.
        data: Whether the numbers of its curves follow as a table (not where a table of the section
            has them already).
    """

    figure: Any
    caption: str = ""
    data: bool = True


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart.

    Args:
        title: What it lists.
        header: Column names.
        rows: Cells as text, one row a line.
        open: Whether it is shown at once (otherwise the reader unfolds it).
        below: Whether it stands below the charts where it is shown at once.
        counted: Whether its title is followed by how many rows it has, where it isn't.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    open: bool = False
    below: bool = False
    counted: bool = True


@dataclass(frozen=True)
class Section:
    """One result's part of the report.

    Args:
        title: What the part is about.
        answer: What to do, computed from the result; one or two sentences.
        notes: What to know beside it: reasons, how it was measured.
        charts: The figures.
        tables: The numbers.
        code: Python to copy, or nothing.
        small: How it was run, for who wants to know: folded away at the end.
        weight: The section with the highest weight answers for the whole page.
        warnings: What to know before all notes.
    """

    title: str
    answer: str
    notes: Sequence[str] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    code: str = ""
    small: Sequence[str] = ()
    weight: int = 0
    warnings: Sequence[str] = ()
