"""Rows of dots with their names above them, so that a narrow page has its width for the data."""

import textwrap
from collections.abc import Sequence
from typing import Any

from keras_lr.watch.style import safe

HEIGHT = 92
"""Pixels of a row."""

AROUND = 110
"""Pixels above and below the rows, for the axis and a legend."""

CHARACTERS = 48
"""Characters in a line of a name, which fit a phone."""


def dots_at(row: int, count: int) -> list[float]:
    """Heights of a row's dots, which lie beside each other where their values are close."""
    return [row + 0.1 + 0.045 * (i % 3) for i in range(count)]


def mean_at(row: int) -> float:
    """The height of the mean, below the dots."""
    return row - 0.12


def name_rows(figure: Any, names: Sequence[str]) -> None:
    """Write a name above each row, the first one's on top.

    Args:
        figure: The figure; row 0 is at the bottom.
        names: One a row, the upper first; user text.
    """
    for index, name in enumerate(names):
        lines = textwrap.wrap(name, CHARACTERS, max_lines=2, placeholder=" …")
        figure.add_annotation(
            text="<br>".join(map(safe, lines)),
            align="left",
            x=0,
            xref="paper",
            xanchor="left",
            y=len(names) - 1 - index + 0.28,
            yanchor="bottom",
            showarrow=False,
        )
    figure.update_yaxes(showticklabels=False, showgrid=False, range=[-0.35, len(names) - 1 + 0.75])
    figure.update_layout(height=AROUND + HEIGHT * len(names))
