"""A run: its losses above, its learning rate below, each cut and its cause marked."""

import math
from typing import Any

from keras_lr.state.curve_names import group_of
from keras_lr.watch.figures.rate_panel import add_rate_panel
from keras_lr.watch.figures.run_lines import line, line_trace, place, x_name
from keras_lr.watch.run import Run
from keras_lr.watch.style import BAD, DASHES, INK, blank, loss_axis, safe

APART = 0.13
"""The part of the axis that the cause of an event takes beside it; where others come sooner it is
told when one points at them."""

LATE = 0.75
"""From this part of the axis on the cause stands to the left of its event."""


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
    _add_events(figure, run, rates)
    return figure


def _add_rates(figure: Any, run: Run, names: list[str], first: int) -> None:
    """The rates, in a panel of their own below the losses, on the same axis."""
    several = len(names) > 1
    for index, name in enumerate(names):
        label = group_of(name) if several else "learning rate"
        options = {"label": label or "learning rate", "dash": DASHES[index % len(DASHES)]}
        figure.add_trace(line_trace(run, name, first + index, yaxis="y2", **options))
    add_rate_panel(figure)


def _add_events(figure: Any, run: Run, rates: list[str]) -> None:
    """A line through both panels for each event, and a mark that names its cause."""
    import plotly.graph_objects as go

    if not run.events:
        return
    xs = [event_place(run, event) for event in run.events]
    for x in xs:
        figure.add_vline(x=x, line={"color": BAD, "width": 1, "dash": "dot"})
    end = max((x for trace in figure.data for x in trace.x), default=0)
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=[_height(run, rates, x, e) for x, e in zip(xs, run.events, strict=True)],
            yaxis="y2" if rates else "y",
            mode="markers+text",
            name="cut or change",
            marker={"symbol": "triangle-down", "size": 11, "color": BAD},
            text=_labels(run, xs, end),
            textposition=["top left" if x > LATE * end else "top right" for x in xs],
            textfont={"color": INK, "size": 11},
            hovertext=[safe(f"{e.words()}: {e.reason}") for e in run.events],
            hovertemplate=f"{x_name(run)} %{{x:.4~g}}: %{{hovertext}}<extra></extra>",
            cliponaxis=False,
        )
    )


def _labels(run: Run, xs: list[float], end: float) -> list[str]:
    """The events' words, where none lies over the one before it."""
    labels, taken = [], -math.inf
    for x, event in zip(xs, run.events, strict=True):
        left = x > LATE * end
        free = (x - APART * end if left else x) >= taken
        labels.append(safe(event.words()) if free else "")
        if free:
            taken = x if left else x + APART * end
    return labels


def event_place(run: Run, event: Any) -> float:
    """Where an event lies on the run's axis: at its update where that is known to the epoch."""
    ended = event.epoch + 1
    if x_name(run) == "step":
        return event.step
    if not run.steps_per_epoch:
        return ended
    at = place(run, event.step)
    return at if event.epoch <= at <= ended else ended


def _height(run: Run, rates: list[str], x: float, event: Any) -> float | None:
    """The rate drawn there, so that the mark lies on its curve; else the rate that it was cut to."""
    if not rates:
        return event.rate
    places, values = line(run, rates[0])
    before = [v for at, v in zip(places, values, strict=True) if at <= x and v is not None]
    return before[-1] if before else event.rate
