"""A run: its losses above, its learning rate below, each cut and its cause marked."""

import math
from typing import Any

from keras_lr.watch.run import Run
from keras_lr.watch.style import (
    BAD,
    COLOURS,
    DASHES,
    INK,
    blank,
    log_ticks,
    loss_axis,
    number,
    safe,
)


def history_figure(history: Any, record: Any = None) -> Any:
    """Loss and learning rate against the epoch, with the cuts and their causes.

    Args:
        history: What `fit` returned, its `history` mapping, or a `keras_lr.watch.Run`.
        record: The `record` of the run's `LearningRate` callback, for the causes.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    run = Run.of(history, record)
    rates = list(run.history.get("learning_rate", ()))
    losses = {name: values for name, values in run.history.items() if name.endswith("loss")}
    if not losses:
        losses = {n: v for n, v in run.history.items() if n != "learning_rate"}
    figure = blank(run.name, x="epoch", y="loss", height=480 if rates else 380)
    for index, (name, values) in enumerate(losses.items()):
        figure.add_trace(
            go.Scatter(
                x=list(range(1, len(values) + 1)),
                y=_gaps(values),
                mode="lines",
                name=safe(name),
                line={
                    "color": COLOURS[index % len(COLOURS)],
                    "width": 2.5,
                    "dash": DASHES[index % len(DASHES)],
                },
                hovertemplate="epoch %{x}: %{y:.4g}<extra>" + safe(name) + "</extra>",
            )
        )
    figure.update_yaxes(**loss_axis(v for values in losses.values() for v in values))
    if rates:
        _add_rates(figure, rates)
    _add_events(figure, run, bool(rates))
    return figure


def _add_rates(figure: Any, rates: list[float]) -> None:
    """The rate, in a panel of its own below the losses, on the same epochs."""
    import plotly.graph_objects as go

    figure.add_trace(
        go.Scatter(
            x=list(range(1, len(rates) + 1)),
            y=_gaps(rates),
            yaxis="y2",
            mode="lines+markers" if len(rates) <= 60 else "lines",
            name="learning rate",
            line={"color": COLOURS[2], "width": 2, "shape": "linear"},
            marker={"size": 5},
            hovertemplate="epoch %{x}: rate %{y:.4g}<extra></extra>",
        )
    )
    positive = [r for r in rates if r > 0]
    wide = bool(positive) and max(positive) > 50 * min(positive)
    figure.update_layout(
        yaxis={"domain": [0.42, 1.0]},
        yaxis2={
            "domain": [0.0, 0.33],
            "anchor": "x",
            "title": {"text": "learning rate", "standoff": 8},
            "automargin": True,
            **(log_ticks(positive) if wide else {"rangemode": "tozero"}),
        },
        xaxis={"anchor": "y2"},
    )


def _add_events(figure: Any, run: Run, rates: bool) -> None:
    """A line through both panels for each event, and a mark that names its cause."""
    import plotly.graph_objects as go

    if not run.events:
        return
    for event in run.events:
        figure.add_vline(x=event.epoch + 1, line={"color": BAD, "width": 1, "dash": "dot"})
    heights = [_value(run.history.get("learning_rate", ()), e.epoch) for e in run.events]
    figure.add_trace(
        go.Scatter(
            x=[event.epoch + 1 for event in run.events],
            y=[e.rate if h is None else h for h, e in zip(heights, run.events, strict=True)],
            yaxis="y2" if rates else "y",
            mode="markers+text" if len(run.events) <= 8 else "markers",
            name="cut or change",
            marker={"symbol": "triangle-down", "size": 11, "color": BAD},
            text=[safe(event_text(event)) for event in run.events],
            textposition="top right",
            textfont={"color": INK, "size": 11},
            hovertext=[safe(f"{event.cause}: {event.reason}") for event in run.events],
            hovertemplate="epoch %{x}: %{hovertext}<extra></extra>",
        )
    )


def event_text(event: Any) -> str:
    """An event in two words: who did what."""
    return f"{event.cause} ×{number(event.factor)}"


def _gaps(values: Any) -> list[float | None]:
    """NaN and inf as gaps: JSON has no name for them."""
    return [v if v is not None and math.isfinite(v) else None for v in values]


def _value(values: Any, index: int) -> float | None:
    return values[index] if 0 <= index < len(values) else None
