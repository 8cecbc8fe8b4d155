"""Several runs in one picture: their losses above, their rates below."""

import math
from collections.abc import Sequence
from typing import Any

from keras_lr.watch.figures.run_lines import (
    NAMED,
    line_trace,
    loss_names,
    points,
    rate_names,
    value_axis,
    x_name,
)
from keras_lr.watch.run import Run
from keras_lr.watch.style import INK, blank, loss_axis

_BEHIND = {
    "mode": "lines",
    "opacity": 0.5,
    "line": {"color": INK, "width": 1, "dash": "solid"},
}


def runs_figure(runs: Sequence[Any]) -> Any:
    """The loss and the rate of each run, laid over each other.

    Args:
        runs: Runs, or whatever `Run.of` takes. Of each the validation loss where all have one,
            else the loss. Of more than a dozen those that came lowest are named, and the others
            told when one points at them.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    found = [Run.of(run) for run in runs]
    name = compared_loss(found)
    figure = blank("The runs, one over the other", x=x_name(found[0]), y=name, height=500)
    labels = distinct_names(found)
    ahead = _ahead(found, name)
    for index, run in enumerate(found):
        if name in run.history or name in run.steps:
            trace = line_trace(run, name, index, label=labels[index], legendgroup=str(index))
            if index not in ahead:
                trace.update(_BEHIND, showlegend=False)
            figure.add_trace(trace)
    figure.update_yaxes(**loss_axis(v for trace in figure.data for v in trace.y))
    rates: list[float | None] = []
    for index, run in enumerate(found):
        for rate in rate_names(run)[:1]:
            shared = {"yaxis": "y2", "legendgroup": str(index), "showlegend": False}
            trace = line_trace(run, rate, index, label=labels[index], **shared)
            rates += list(trace.y)
            trace.update(_BEHIND if index not in ahead else {})
            figure.add_trace(trace)
    if rates:
        figure.update_layout(
            yaxis={"domain": [0.42, 1.0]},
            yaxis2={
                "domain": [0.0, 0.33],
                "anchor": "x",
                "title": {"text": "learning rate", "standoff": 8},
                "automargin": True,
                **value_axis(rates),
            },
            xaxis={"anchor": "y2"},
        )
    figure.update_layout(showlegend=True)
    return figure


def _ahead(runs: Sequence[Run], name: str) -> set[int]:
    """The runs that the legend names: of many those that came lowest."""
    lowest = [
        min((v for _, v in points(run, name) if math.isfinite(v)), default=math.inf) for run in runs
    ]
    return set(sorted(range(len(runs)), key=lambda index: lowest[index])[:NAMED])


def compared_loss(runs: Sequence[Run]) -> str:
    """The loss that all runs have: of the validation first."""
    names = [set(loss_names(run)) for run in runs]
    shared = set.intersection(*names)
    for name in ("val_loss", "loss"):
        if name in shared:
            return name
    return min(shared) if shared else next((min(n) for n in names if n), "loss")


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """The runs' names, with a number where several have the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]
