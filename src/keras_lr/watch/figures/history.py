"""A run: its losses above, its learning rate below, each cut and its cause marked."""

import math
from collections.abc import Sequence
from typing import Any

from keras_lr.state.curve_names import group_of
from keras_lr.watch.axes import RATE, Axis
from keras_lr.watch.figures.rate_panel import add_rate_panel
from keras_lr.watch.figures.run_lines import counted_axis, line_trace
from keras_lr.watch.figures.vertical import add_lines
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import event_place, line, x_name
from keras_lr.watch.style import BAD, DASHES, INK, blank, loss_axis, safe, scales_told

APART = {True: 0.06, False: 0.17}
"""The part of the axis that the words of an event take beside it, where all have one cause and where
they name it; where others come sooner it is told when one points at them."""

LATE = 0.75
"""From this part of the axis on the cause stands to the left of its event."""

HIGH = 0.3
"""From this part of the rate's axis on such words stand below the curve, which comes from above."""


def history_figure(history: Any, record: Any = None) -> Any:
    """Loss and learning rate against the epoch, with the cuts and their causes.

    Args:
        history: What `fit` returned, its `history` mapping, the path of a run's record, or a
            `keras_lr.watch.Run`.
        record: The `record` of the run's `LearningRate` callback, for the causes.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    run = Run.of(history, record)
    rates = run.rates
    losses = run.losses
    measured = losses or [n for n in run.names if n not in rates]
    y = "loss" if losses else "value"
    figure = blank(run.name, x=x_name(run), y=y, height=500 if rates else 380)
    for index, name in enumerate(measured):
        figure.add_trace(line_trace(run, name, index))
    shown = [v for trace in figure.data for v in trace.y]
    figure.update_yaxes(**loss_axis(shown))
    if rates:
        _add_rates(figure, run, rates, len(measured))
    figure.update_xaxes(**counted_axis(figure))
    _add_events(figure, run, rates)
    return scales_told(figure)


def _add_rates(figure: Any, run: Run, names: list[str], first: int) -> None:
    """The rates, in a panel of their own below the losses, on the same axis."""
    several = len(names) > 1
    for index, name in enumerate(names):
        label = group_of(name) if several else "learning rate"
        options = {"label": label or "learning rate", "dash": DASHES[index % len(DASHES)]}
        figure.add_trace(line_trace(run, name, first + index, yaxis="y2", **options))
    add_rate_panel(figure)


def _add_events(figure: Any, run: Run, rates: list[str]) -> None:
    """A line through both panels for each event, and a mark that says what it did, and whose it is."""
    import plotly.graph_objects as go

    if not run.events:
        return
    xs = [event_place(run, event) for event in run.events]
    ys = [_height(run, rates, x, e) for x, e in zip(xs, run.events, strict=True)]
    add_lines(figure, [(x, BAD) for x in xs])
    drawn = [x for trace in figure.data for x in trace.x]
    across = Axis.around([*drawn, *xs])
    lasting = [each for each in run.events if each.changed] or run.events
    alone = len({each.who for each in lasting}) == 1
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            yaxis="y2" if rates else "y",
            mode="markers+text",
            name=safe(f"{_deed(lasting)} by {lasting[0].who}") if alone else "cut or change",
            marker={"symbol": "triangle-down", "size": 11, "color": BAD},
            text=_labels(run, [across.share(x) for x in xs], alone=alone),
            textposition=_sides([across.share(x) for x in xs], ys, figure),
            textfont={"color": INK, "size": 11},
            hovertext=[safe(f"{e.words()}: {e.reason}") for e in run.events],
            hovertemplate=f"{x_name(run)} %{{x:.4~g}}: %{{hovertext}}<extra></extra>",
            cliponaxis=False,
        )
    )


def _deed(events: Sequence[Any]) -> str:
    return "cut" if all(each.factor < 1.0 for each in events) else "changed"


def _labels(run: Run, shares: Sequence[float], *, alone: bool) -> list[str]:
    """The events' words, where none lies over the one before it.

    Args:
        run: Whose events.
        shares: Where on the axis each lies, from 0 to 1.
        alone: Whether all have one cause, which the legend names.
    """
    labels, taken = [], -math.inf
    for at, event in zip(shares, run.events, strict=True):
        left = at > LATE
        free = (at - APART[alone] if left else at) >= taken
        words = f"×{event.factor:.3g}" if alone and event.factor != 1.0 else event.words()
        labels.append(safe(words) if free else "")
        if free:
            taken = at if left else at + APART[alone]
    return labels


def _sides(shares: Sequence[float], heights: Sequence[float | None], figure: Any) -> list[str]:
    """On which side of its mark each label stands: where a falling curve isn't."""
    values = [v for trace in figure.data if trace.yaxis == "y2" for v in trace.y]
    finite = [v for v in values if v is not None and math.isfinite(v)]
    up = Axis.around(finite, spread=RATE, from_zero=True) if finite else None
    sides = []
    for at, height in zip(shares, heights, strict=True):
        high = up is not None and height is not None and up.share(height) > HIGH
        sides.append("top right" if at <= LATE else "bottom left" if high else "top left")
    return sides


def _height(run: Run, rates: list[str], x: float, event: Any) -> float | None:
    """The rate drawn there, so that the mark lies on its curve; else the rate that it was cut to."""
    if not rates:
        return event.rate
    places, values = line(run, rates[0])
    before = [v for at, v in zip(places, values, strict=True) if at <= x and v is not None]
    return before[-1] if before else event.rate
