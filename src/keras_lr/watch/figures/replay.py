"""A replay: the rate as rules would have left it, each cut and its cause marked."""

from typing import Any

from keras_lr.rules.replayed import Replay
from keras_lr.watch.figures.run_lines import value_axis
from keras_lr.watch.style import BAD, COLOURS, INK, blank, number, safe

NAMED = 8
"""Cuts whose rules are named beside them; of more, pointing at them does."""


def replay_figure(found: Replay) -> Any:
    """The rate against the epoch, or the update, with the cuts.

    Args:
        found: What `keras_lr.replay` gave.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    name = "learning rate" if found.rates_known else "share of the first rate"
    count = len(found.cuts)
    title = f"{count} cut{'s' * (count != 1)} in {found.source}"
    figure = blank(title, x=found.unit, y=name, height=380)
    ended = int(found.unit == "epoch")  # epochs are counted from 1 where people look
    figure.add_trace(
        go.Scatter(
            x=[at + ended for at in found.at],
            y=list(found.rates),
            mode="lines",
            line={"color": COLOURS[0], "width": 2.5, "shape": "vh"},
            name=name,
            hovertemplate=f"{found.unit} %{{x}}: %{{y:.4~g}}<extra></extra>",
        )
    )
    if found.cuts:
        places = [cut.epoch + 1 if ended else cut.step for cut in found.cuts]
        figure.add_trace(
            go.Scatter(
                x=places,
                y=[cut.rate_before for cut in found.cuts],
                mode="markers+text",
                marker={"symbol": "triangle-down", "size": 11, "color": BAD},
                text=[safe(cut.rule) if count <= NAMED else "" for cut in found.cuts],
                textposition="top center",
                textfont={"color": INK, "size": 11},
                hovertext=[
                    safe(f"{cut.rule}, {cut.action} ×{number(cut.factor)}: {cut.reason}")
                    for cut in found.cuts
                ],
                hovertemplate=f"{found.unit} %{{x}}: %{{hovertext}}<extra></extra>",
                name="cut",
                cliponaxis=False,
            )
        )
    figure.update_yaxes(**value_axis(list(found.rates)))
    return figure
