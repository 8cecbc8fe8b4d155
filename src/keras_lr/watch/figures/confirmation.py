"""A confirmation: what the best trials gave with other seeds, beside what the study saw."""

from typing import Any

from keras_lr.watch.figures.rows import add_seeds, name_rows
from keras_lr.watch.style import COLOURS, INK, blank, number
from keras_lr.watch.trials import summary


def confirmation_figure(confirmation: Any) -> Any:
    """The objective of each candidate: a dot a seed, the mean as a diamond, ± one deviation.

    A ring is what the study saw, by which the candidate was picked. Seeds that diverged are counted beside the name.

    Args:
        confirmation: A `keras_lr.tuner.confirm.Confirmation`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    several = confirmation.candidates
    others = len(confirmation.seeds)
    title = f"{confirmation.objective} with {others} other seed{'s' * (others != 1)}"
    figure = blank(title, x=confirmation.objective)
    for index, one in enumerate(several):
        row = len(several) - 1 - index
        colour = COLOURS[index % len(COLOURS)]
        pairs = zip(confirmation.seeds, one.values, strict=True)
        ended = {seed: value for seed, value in pairs if value is not None}
        add_seeds(figure, row, ended, mean=one.mean, spread=one.spread, colour=colour)
        figure.add_trace(
            go.Scatter(
                x=[one.searched],
                y=[row + 0.02],
                mode="markers",
                name="in the study",
                marker={"symbol": "circle-open", "size": 13, "color": INK, "line": {"width": 2}},
                hovertemplate="in the study: %{x:.4~g}<extra></extra>",
                showlegend=index == 0,
            )
        )
    name_rows(figure, [_name(one) for one in several])
    return figure


def _name(one: Any) -> str:
    words = summary({k: v for k, v in one.params.items() if k != "rules"})
    if one.diverged:
        return f"#{one.number}: ✕ {one.diverged} of {len(one.values)} diverged ({words})"
    reached = number(one.mean) + (f" ± {number(one.spread, 2)}" if one.spread else "")
    return f"#{one.number}: {reached} ({words})"
