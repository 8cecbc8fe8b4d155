"""A confirmation: what the best trials gave with other seeds, beside what the study saw."""

from typing import Any

from keras_lr.watch.figures.rows import dots_at, mean_at, name_rows
from keras_lr.watch.figures.trials import summary
from keras_lr.watch.style import COLOURS, INK, blank, number


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
        ended = [
            (s, v) for s, v in zip(confirmation.seeds, one.values, strict=True) if v is not None
        ]
        figure.add_trace(
            go.Scatter(
                x=[value for _, value in ended],
                y=dots_at(row, len(ended)),
                mode="markers",
                marker={"size": 9, "color": colour, "opacity": 0.75},
                text=[f"seed {seed}" for seed, _ in ended],
                hovertemplate="%{text}: %{x:.4~g}<extra></extra>",
                showlegend=False,
            )
        )
        if one.mean is not None:
            spread = one.spread or 0.0
            figure.add_trace(
                go.Scatter(
                    x=[one.mean],
                    y=[mean_at(row)],
                    mode="markers",
                    marker={"symbol": "diamond", "size": 12, "color": colour},
                    error_x={"type": "constant", "value": spread, "color": colour, "thickness": 2},
                    hovertemplate="mean %{x:.4~g}<extra></extra>",
                    showlegend=False,
                )
            )
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
