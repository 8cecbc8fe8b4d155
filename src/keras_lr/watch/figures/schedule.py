"""A schedule as a curve over the run, with the moments at which it turns."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from keras_lr.watch.figures.vertical import add_lines
from keras_lr.watch.schedule_curves import ScheduleCurve, few, schedule_curves, value_name
from keras_lr.watch.style import COLOURS, DASHES, INK, blank, number, safe

LANES = 3
"""Rows of labels above the curves, at most; a label that finds no room is left out."""

LANE = 0.075
"""The height of a row, as a part of the plot's."""

CHARACTER = 1 / 95
"""The width of a character, as a part of the plot's; of a narrow one, about 600 pixels wide."""

MOST_LINES = 20
"""Marks of one label that get a line; of more the first does."""


def schedule_figure(
    schedules: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    base_rate: float | None = None,
) -> Any:
    """One or several schedules over a run.

    Args:
        schedules: A plan or a schedule (anything `keras_lr.schedules.as_schedule` takes: a
            schedule, a text such as `"cosine"`, a Keras schedule, a callable of the step, a
            number), a list of them, or a mapping of names to them.
        steps: Updates in the run; by default that of the longest plan.
        steps_per_epoch: Updates in one epoch, for lengths in epochs and the axis of epochs.
        batch_size: Samples in one update, for lengths in samples.
        base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    curves = schedule_curves(
        schedules,
        steps,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        base_rate=base_rate,
    )
    run = curves[0].plan.horizon
    per_epoch = run.steps_per_epoch
    title = "Schedule" if len(curves) == 1 else "Schedules"
    names = [textwrap.wrap(curve.name, 70) for curve in curves]
    height = (430 if per_epoch else 390) + 18 * min(sum(map(len, names)) - 1, 8)
    figure = blank(title, x="step", y=value_name(curves), height=height)
    for index, curve in enumerate(curves):
        name = "<br>".join(map(safe, names[index]))
        epoch = "" if per_epoch is None else "epoch %{customdata:.4~g}<br>"
        figure.add_trace(
            go.Scatter(
                x=curve.xs,
                y=curve.ys,
                mode="lines",
                name=name,
                line={
                    "color": _colour(index),
                    "width": 2.5,
                    "dash": DASHES[index // len(COLOURS) % len(DASHES)],
                },
                customdata=None if per_epoch is None else curve.xs / per_epoch,
                hovertemplate=f"step %{{x}}<br>{epoch}%{{y:.4~g}}<extra>{name}</extra>",
            )
        )
    lanes = _add_marks(figure, curves, run.steps)
    top = max(float(curve.ys.max()) for curve in curves) or 1.0
    # Room for the labels above the highest value, so that no curve runs through them.
    figure.update_yaxes(range=[0, 1.04 * top / (1 - LANE * lanes)])
    figure.update_xaxes(range=[0, run.steps])
    # The names are long, and above the plot is the axis of epochs.
    figure.update_layout(showlegend=True, legend={"y": -0.2, "yanchor": "top"})
    if per_epoch is not None:
        _add_epochs(figure, run.steps, per_epoch)
    return figure


def _add_epochs(figure: Any, steps: int, per_epoch: float) -> None:
    """A second axis on top, tied to the first."""
    import plotly.graph_objects as go

    every = _nice(steps / per_epoch / 8)
    epochs = [every * k for k in range(math.floor(steps / per_epoch / every + 1e-9) + 1)]
    # plotly draws an axis only where a trace uses it.
    figure.add_trace(
        go.Scatter(x=[0, steps], y=[None, None], xaxis="x2", showlegend=False, hoverinfo="skip")
    )
    figure.update_layout(
        xaxis2={
            "overlaying": "x",
            "matches": "x",
            "side": "top",
            "showgrid": False,
            "title": {"text": "epoch", "standoff": 4},
            "tickvals": [epoch * per_epoch for epoch in epochs],
            "ticktext": [number(epoch, 6) for epoch in epochs],
        },
        margin={"t": 88},
    )


def _nice(value: float) -> float:
    """The next round number from `value` on.

    >>> _nice(0.03), _nice(1.3), _nice(60)
    (0.05, 2.0, 100.0)
    """
    power = 10.0 ** math.floor(math.log10(value))
    return next(round(h * power, 12) for h in (1, 2, 5, 10) if h * power >= value * (1 - 1e-9))


def _add_marks(figure: Any, curves: Sequence[ScheduleCurve], steps: int) -> int:
    """A line at each moment, and its label where there is room; the rows that they take."""
    lines: dict[int, set[int]] = {}
    labels: dict[tuple[int, str], set[int]] = {}
    for index, curve in enumerate(curves):
        for mark in few(curve.marks, MOST_LINES):
            lines.setdefault(mark.step, set()).add(index)
        for mark in few(curve.marks):
            labels.setdefault((mark.step, mark.label), set()).add(index)

    def ink(owners: set[int]) -> str:
        return _colour(min(owners)) if len(curves) > 1 and len(owners) == 1 else INK

    add_lines(figure, [(step, ink(owners)) for step, owners in lines.items()])
    used = 0
    placed = _lanes([(step / steps, len(label)) for step, label in labels])
    for ((step, label), owners), place in zip(labels.items(), placed, strict=True):
        if place is None:
            continue
        lane, right = place
        used = max(used, lane + 1)
        figure.add_annotation(
            text=safe(label),
            x=step,
            y=1 - lane * LANE,
            yref="y domain",
            xanchor="right" if right else "left",
            xshift=-3 if right else 3,
            yanchor="top",
            showarrow=False,
            font={"color": ink(owners), "size": 11},
        )
    return used


def _lanes(labels: Iterable[tuple[float, int]]) -> list[tuple[int, bool] | None]:
    """For each label, given by where it starts and its characters: its row, and whether it ends
    at its place rather than starts there; `None` where no row has room.

    >>> _lanes([(0.0, 11), (0.05, 8), (0.95, 10), (0.01, 9), (0.02, 9)])
    [(0, False), (1, False), (0, True), (2, False), None]
    """
    rows: list[list[tuple[float, float]]] = [[] for _ in range(LANES)]
    placed: list[tuple[int, bool] | None] = []
    for at, characters in labels:
        width = (characters + 2) * CHARACTER
        right = at + width > 1.0
        low, high = (at - width, at) if right else (at, at + width)
        free = (n for n, row in enumerate(rows) if all(high <= a or low >= b for a, b in row))
        lane = next(free, None)
        placed.append(None if lane is None else (lane, right))
        if lane is not None:
            rows[lane].append((low, high))
    return placed


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]
