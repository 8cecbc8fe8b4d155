"""A schedule as a curve over the run."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.watch.style import COLOURS, DASHES, INK, blank, safe

POINTS = 1000
"""Points a curve is drawn with, at most; corners between them are added."""


def schedule_figure(
    schedules: Any,
    steps: int,
    *,
    steps_per_epoch: float | None = None,
    base_rate: float | None = None,
) -> Any:
    """One or several schedules over a run.

    Args:
        schedules: A schedule (anything `keras_lr.schedules.as_schedule` takes: a schedule, a text
            such as `"cosine"`, a Keras schedule, a callable of the step, a number), a list of
            them, or a mapping of names to them.
        steps: Updates in the run.
        steps_per_epoch: Updates in one epoch, for lengths in epochs and the epoch marks.
        base_rate: The optimizer's rate; with it the rate is drawn, without it the factor.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    named = named_schedules(schedules)
    curves = [
        (name, *schedule_values(s, steps, steps_per_epoch=steps_per_epoch, base_rate=base_rate))
        for name, s in named
    ]
    rate = base_rate is not None or all(absolute for *_, absolute in curves)
    figure = blank(
        "Schedule" if len(curves) == 1 else "Schedules",
        x="step",
        y="learning rate" if rate else "factor of the optimizer's rate",
        height=360,
    )
    for index, (name, xs, ys, _) in enumerate(curves):
        figure.add_trace(
            go.Scatter(
                x=xs,
                y=ys,
                mode="lines",
                name=safe(name),
                line={
                    "color": COLOURS[index % len(COLOURS)],
                    "width": 2.5,
                    "dash": DASHES[index // len(COLOURS) % len(DASHES)],
                },
                hovertemplate="step %{x}<br>%{y:.4g}<extra>" + safe(name) + "</extra>",
            )
        )
    if steps_per_epoch and steps / steps_per_epoch <= 60:
        for epoch in range(1, int(steps / steps_per_epoch)):
            figure.add_vline(
                x=epoch * steps_per_epoch, line={"color": INK, "width": 0.5, "dash": "dot"}
            )
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(showlegend=True)
    return figure


def named_schedules(schedules: Any) -> list[tuple[str, Any]]:
    """Names and schedules from one, a list, or a mapping; a schedule's name is its text."""
    from keras_lr.schedules import as_schedule

    if isinstance(schedules, Mapping):
        pairs = [(str(name), as_schedule(s)) for name, s in schedules.items()]
    elif isinstance(schedules, Iterable) and not isinstance(schedules, str):
        pairs = [(str(s), s) for s in map(as_schedule, schedules)]
    else:
        schedule = as_schedule(schedules)
        pairs = [(str(schedule), schedule)]
    if not pairs:
        raise InvalidInput("There is no schedule to draw. Received: an empty list.")
    return pairs


def schedule_values(
    schedule: Any,
    steps: int,
    *,
    steps_per_epoch: float | None = None,
    base_rate: float | None = None,
    points: int = POINTS,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """The steps of a curve, its values, and whether they are rates already.

    Every step is evaluated, and thinned to about `points` by keeping the lowest and the highest
    of each stretch, so that a jump of a single step stays visible.
    """
    resolved = schedule.resolve(steps=steps, steps_per_epoch=steps_per_epoch)
    xs = np.arange(steps)
    ys = np.asarray(resolved(xs), float)
    if base_rate is not None and not resolved.absolute:
        ys = ys * base_rate
    if steps > points:
        edges = np.linspace(0, steps, points // 2 + 1).astype(int)
        kept = {0, steps - 1}
        for low, high in itertools.pairwise(edges):
            kept |= {low + int(np.argmin(ys[low:high])), low + int(np.argmax(ys[low:high]))}
        index = np.array(sorted(kept))
        xs, ys = xs[index], ys[index]
    return xs, ys, bool(resolved.absolute)
