"""Arms side by side: every seed a dot, the mean and the spread beside them."""

from typing import Any

from keras_lr.watch.comparison import Comparison
from keras_lr.watch.figures.rows import add_seeds, name_rows
from keras_lr.watch.style import COLOURS, blank, is_share, score


def comparison_figure(comparison: Comparison) -> Any:
    """The metric of each arm: one dot a seed, the mean as a diamond, ± one standard deviation.

    Args:
        comparison: The `keras_lr.watch.Comparison`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    arms = comparison.arms
    percent = is_share(comparison.metric)
    figure = blank(f"{comparison.metric}, seed by seed", x=comparison.metric)
    for index, arm in enumerate(arms):
        colour = COLOURS[index % len(COLOURS)]
        row = len(arms) - 1 - index
        seeds = dict(enumerate(arm.scores, start=1))
        told = {"mean": arm.mean, "spread": arm.spread, "colour": colour, "name": arm.name}
        add_seeds(figure, row, seeds, **told)
    names = [f"{arm.name}: {score(comparison.metric, arm.mean, arm.spread)}" for arm in arms]
    name_rows(figure, names)
    if percent:
        figure.update_xaxes(tickformat=".1%" if _close(comparison) else ".0%")
    return figure


def _close(comparison: Comparison) -> bool:
    scores = [s for arm in comparison.arms for s in arm.scores]
    return max(scores) - min(scores) < 0.05
