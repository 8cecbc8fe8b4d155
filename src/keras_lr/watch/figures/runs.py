"""Several runs in one picture: their losses above, their rates below."""

import math
from collections.abc import Sequence
from typing import Any

from keras_lr.watch.figures.rate_panel import add_rate_panel
from keras_lr.watch.figures.run_lines import (
    NAMED,
    counted_axis,
    last_value,
    line_trace,
    points,
    x_name,
)
from keras_lr.watch.run import Run
from keras_lr.watch.style import INK, blank, loss_axis, scales_told

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
    names = compared_losses(found)
    title = next(filter(None, names), "loss")
    figure = blank("The runs, one over the other", x=x_name(found[0]), y=title, height=500)
    labels = distinct_names(found)
    ahead = set(by_rank(lowest_losses(found, names))[:NAMED])
    for index, (run, name) in enumerate(zip(found, names, strict=True)):
        if name is not None:
            trace = line_trace(run, name, index, label=labels[index], legendgroup=str(index))
            if index not in ahead:
                trace.update(_BEHIND, showlegend=False)
            figure.add_trace(trace)
    figure.update_yaxes(**loss_axis(v for trace in figure.data for v in trace.y))
    for index, run in enumerate(found):
        for rate in run.rates[:1]:
            shared = {"yaxis": "y2", "legendgroup": str(index), "showlegend": False}
            trace = line_trace(run, rate, index, label=labels[index], **shared)
            trace.update(_BEHIND if index not in ahead else {})
            figure.add_trace(trace)
    add_rate_panel(figure)
    figure.update_xaxes(**counted_axis(figure))
    figure.update_layout(showlegend=True)
    return scales_told(figure)


def compared_losses(runs: Sequence[Run]) -> list[str | None]:
    """The loss by which each run is compared, by its own name for it; `None` where it has none.

    That of the validation if all have one, else that of the training, else one that all share.
    """
    validation, training = ([run.validation_loss for run in runs], [run.loss for run in runs])
    shared = set.intersection(*(set(run.losses) for run in runs))
    if all(validation):
        return validation
    if shared and not all(training):
        return [min(shared)] * len(runs)
    return training if any(training) else [min(run.losses, default=None) for run in runs]


def lowest_losses(runs: Sequence[Run], names: Sequence[str | None]) -> list[float | None]:
    """How low each run came; infinity where it ended as no number, `None` where it has no loss.

    Args:
        runs: The runs.
        names: As `compared_losses` gives them.
    """
    found: list[float | None] = []
    for run, name in zip(runs, names, strict=True):
        values = [] if name is None else [value for _, value in points(run, name)]
        if name is None or not values:
            found.append(None)
        elif math.isfinite(last_value(run, name)):
            found.append(min(filter(math.isfinite, values)))
        else:
            found.append(math.inf)
    return found


def by_rank(lowest: Sequence[float | None]) -> list[int]:
    """The places of runs from the best on: those that ended as no number, then those unknown, last.

    >>> by_rank([None, 0.5, math.inf, 0.2])
    [3, 1, 2, 0]
    """
    return sorted(
        range(len(lowest)),
        key=lambda at: (lowest[at] is None, math.inf if lowest[at] is None else lowest[at]),
    )


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """The runs' names, with a number where several have the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]
