"""Rows of dots with their names above them, so that a narrow page has its width for the data."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.watch.style import safe

HEIGHT = 92
"""Pixels of a row."""

AROUND = 110
"""Pixels above and below the rows, for the axis and a legend."""

CHARACTERS = 48
"""Characters in a line of a name, which fit a phone."""


def add_seeds(
    figure: Any,
    row: int,
    seeds: Mapping[int, float],
    *,
    mean: float | None,
    spread: float | None,
    colour: str,
    name: str = "",
) -> None:
    """A row: a dot a seed, the mean as a diamond below them, ± one standard deviation.

    Args:
        figure: The figure; row 0 is at the bottom.
        row: Which.
        seeds: The value of each seed.
        mean: Their mean; `None` where there is none.
        spread: Their standard deviation; `None` or NaN where there is none.
        colour: Of all of it.
        name: What hovering calls the row; user text.
    """
    import plotly.graph_objects as go

    extra = f"<extra>{safe(name)}</extra>"
    figure.add_trace(
        go.Scatter(
            x=list(seeds.values()),
            y=[row + 0.1 + 0.045 * (i % 3) for i in range(len(seeds))],  # close values stay apart
            mode="markers",
            marker={"size": 9, "color": colour, "opacity": 0.75},
            text=[f"seed {seed}" for seed in seeds],
            hovertemplate="%{text}: %{x:.4~g}" + extra,
            showlegend=False,
        )
    )
    if mean is None:
        return
    deviation = spread if spread is not None and math.isfinite(spread) else 0.0
    figure.add_trace(
        go.Scatter(
            x=[mean],
            y=[row - 0.12],
            mode="markers",
            marker={"symbol": "diamond", "size": 12, "color": colour},
            error_x={"type": "constant", "value": deviation, "color": colour, "thickness": 2},
            hovertemplate="mean %{x:.4~g}" + extra,
            showlegend=False,
        )
    )


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
