"""Arms side by side: every seed a dot, the mean and the spread beside them."""

from typing import Any

from keras_lr.watch.comparison import Comparison
from keras_lr.watch.figures.rows import dots_at, mean_at, name_rows
from keras_lr.watch.style import COLOURS, blank, is_share, safe, score


def comparison_figure(comparison: Comparison) -> Any:
    """The metric of each arm: one dot a seed, the mean as a diamond, ± one standard deviation.

    Args:
        comparison: The `keras_lr.watch.Comparison`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    arms = comparison.arms
    percent = is_share(comparison.metric)
    figure = blank(f"{comparison.metric}, seed by seed", x=comparison.metric)
    for index, arm in enumerate(arms):
        colour = COLOURS[index % len(COLOURS)]
        row = len(arms) - 1 - index
        figure.add_trace(
            go.Scatter(
                x=list(arm.scores),
                y=dots_at(row, len(arm.scores)),
                mode="markers",
                marker={"size": 9, "color": colour, "opacity": 0.75},
                text=[f"seed {i + 1}" for i in range(len(arm.scores))],
                hovertemplate="%{text}: %{x:.4~g}<extra>" + safe(arm.name) + "</extra>",
                showlegend=False,
            )
        )
        spread = arm.spread if arm.spread == arm.spread else 0.0
        figure.add_trace(
            go.Scatter(
                x=[arm.mean],
                y=[mean_at(row)],
                mode="markers",
                marker={"symbol": "diamond", "size": 12, "color": colour},
                error_x={"type": "constant", "value": spread, "color": colour, "thickness": 2},
                hovertemplate="mean %{x:.4~g}<extra>" + safe(arm.name) + "</extra>",
                showlegend=False,
            )
        )
    told = [f"{arm.name}: {score(comparison.metric, arm.mean, arm.spread)}" for arm in arms]
    name_rows(figure, told)
    if percent:
        figure.update_xaxes(tickformat=".1%" if _close(comparison) else ".0%")
    return figure


def _close(comparison: Comparison) -> bool:
    scores = [s for arm in comparison.arms for s in arm.scores]
    return max(scores) - min(scores) < 0.05
