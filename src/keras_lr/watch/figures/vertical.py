"""Vertical lines at moments of a run, through all panels of a figure."""

from collections.abc import Iterable
from typing import Any


def add_lines(figure: Any, lines: Iterable[tuple[float, str]]) -> None:
    """Draw a dotted line at each place.

    All at once: plotly's `add_vline` copies what is there for each, which for hundreds of them takes
    minutes.

    Args:
        figure: A plotly figure.
        lines: Of each the place on the horizontal axis, and the colour.
    """
    shapes = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": x,
            "x1": x,
            "y0": 0,
            "y1": 1,
            "line": {"color": colour, "width": 1, "dash": "dot"},
        }
        for x, colour in lines
    ]
    figure.update_layout(shapes=[*figure.layout.shapes, *shapes])
