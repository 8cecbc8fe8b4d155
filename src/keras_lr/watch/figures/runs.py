"""Several runs in one picture: their losses above, their rates below."""

import math
from collections.abc import Sequence
from typing import Any

from keras_lr.watch.figures.rate_panel import add_rate_panel
from keras_lr.watch.figures.run_lines import NAMED, line_trace, points, x_name
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
    names = compared_losses(found)
    title = next(filter(None, names), "loss")
    figure = blank("The runs, one over the other", x=x_name(found[0]), y=title, height=500)
    labels = distinct_names(found)
    ahead = _ahead(found, names)
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
    figure.update_layout(showlegend=True)
    return figure


def _ahead(runs: Sequence[Run], names: Sequence[str | None]) -> set[int]:
    """The runs that the legend names: of many those that came lowest."""
    lowest = [
        min((v for _, v in loss_points(*pair) if math.isfinite(v)), default=math.inf)
        for pair in zip(runs, names, strict=True)
    ]
    return set(sorted(range(len(runs)), key=lambda index: lowest[index])[:NAMED])


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


def loss_points(run: Run, name: str | None) -> list[tuple[float, float]]:
    """The points of the loss that a run is compared by."""
    return [] if name is None else points(run, name)


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """The runs' names, with a number where several have the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}"
        for i, name in enumerate(names)
    ]
