"""Several runs in one picture: their losses above, their rates below."""

from collections.abc import Sequence
from typing import Any

from keras_lr.watch.figures.rate_panel import add_rate_panel
from keras_lr.watch.figures.run_lines import NAMED, counted_axis, line_trace
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import x_name
from keras_lr.watch.run.ranking import by_rank, compared_losses, distinct_names, lowest_losses
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
