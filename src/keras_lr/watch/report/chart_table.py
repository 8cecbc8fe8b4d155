"""The numbers of a chart as a table, for readers who can't see it, or want to know exactly."""

import html
import math
from typing import Any

from keras_lr.watch.report.section import Table
from keras_lr.watch.style import LOG, number

ROWS = 50
"""Rows of such a table, at most; of more points every n-th is listed, as the title says."""

COLUMNS = 20
"""Series in it, at most; of more every n-th is listed."""


def chart_table(figure: Any, title: str = "Data of this chart") -> Table | None:
    """A column for each curve of a figure, a row for each place; `None` where it has no curve.

    Args:
        figure: A plotly figure whose traces have x and y; those that hovering passes over, and
            entries of the legend without a point, are left out.
        title: The table's.
    """
    series = [(trace, _points(trace)) for trace in figure.data if trace.hoverinfo != "skip"]
    series = [(trace, points) for trace, points in series if points]
    if not series:
        return None
    curves, columns = len(series), -(-len(series) // COLUMNS)
    series = series[::columns]
    places = sorted({x for _, points in series for x in points})
    every = max(1, -(-len(places) // ROWS))
    listed = len(places[::every])
    left = [f"{listed} of {len(places)} rows"] * (every > 1)
    left += [f"{len(series)} of {curves} curves"] * (columns > 1)
    title = ", ".join([title, *left])
    rows = [
        [number(x, 4), *(number(points[x], 4) if x in points else "" for _, points in series)]
        for x in places[::every]
    ]
    shared = _axis(figure, "x", None) or "x"
    names = [_text(trace.name) or _axis(figure, "y", trace.yaxis) or "y" for trace, _ in series]
    return Table(title, [shared, *names], rows, counted=False)


def _points(trace: Any) -> dict[float, float]:
    if trace.x is None or trace.y is None:
        return {}
    pairs = zip(trace.x, trace.y, strict=False)
    return {x: y for x, y in pairs if _known(x) and _known(y)}


def _known(value: Any) -> bool:
    return value is not None and not isinstance(value, str) and math.isfinite(value)


def _axis(figure: Any, letter: str, name: str | None) -> str:
    axis = figure.layout[f"{letter}axis{(name or letter)[1:]}"]
    return _text(axis.title.text).removesuffix(LOG)


def _text(words: str | None) -> str:
    return html.unescape((words or "").replace("<br>", " "))
