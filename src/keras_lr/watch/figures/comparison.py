"""Arms side by side: every seed a dot, the mean and the spread beside them."""

from typing import Any

from keras_lr.watch.comparison import Comparison
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
    height = 110 + 74 * len(arms)
    figure = blank(f"{comparison.metric}, seed by seed", x=comparison.metric, height=height)
    for index, arm in enumerate(arms):
        colour = COLOURS[index % len(COLOURS)]
        row = len(arms) - 1 - index
        figure.add_trace(
            go.Scatter(
                x=list(arm.scores),
                y=[row + 0.14 + 0.045 * (i % 3) for i in range(len(arm.scores))],
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
                y=[row - 0.08],
                mode="markers+text",
                marker={"symbol": "diamond", "size": 12, "color": colour},
                error_x={"type": "constant", "value": spread, "color": colour, "thickness": 2},
                text=[safe(score(comparison.metric, arm.mean, arm.spread))],
                textposition="bottom center",
                hovertemplate="mean %{x:.4~g}<extra>" + safe(arm.name) + "</extra>",
                showlegend=False,
            )
        )
    figure.update_yaxes(
        tickvals=list(range(len(arms))),
        ticktext=[safe(arm.name).replace("\n", "<br>") for arm in reversed(arms)],
        range=[-0.6, len(arms) - 0.5],
        showgrid=False,
    )
    if percent:
        figure.update_xaxes(tickformat=".1%" if _close(comparison) else ".0%")
    return figure


def _close(comparison: Comparison) -> bool:
    scores = [s for arm in comparison.arms for s in arm.scores]
    return max(scores) - min(scores) < 0.05
