"""What else a run recorded: its metrics, how far each layer moves, the parts of its rate."""

from typing import Any

from keras_lr.watch.figures.run_lines import lines_figure
from keras_lr.watch.run import Run
from keras_lr.watch.run.recorded import NORMS, RATIO, groups_of, metric_names
from keras_lr.watch.style import INK, log_ticks, scales_told

USUAL = 1e-3
"""The usual ratio of an update to the weights, a rule of thumb (Karpathy et al., notes of the course
CS231n at Stanford, "Babysitting the learning process")."""


def updates_figure(run: Run) -> Any:
    """The update/weight ratio ‖Δw‖/‖w‖, of all weights and of each layer that was recorded.

    A dashed line marks 1e-3, around which it usually lies; a layer far above the others moves too
    fast, one far below hardly learns. An update of 0 is a gap: the axis is logarithmic.

    Args:
        run: A run with `update_ratio` or `update_ratio/<group>`, and an update that moved it.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    names = groups_of(run, RATIO)
    title = "Update/weight ratio by layer" if len(names) > 1 else "Update/weight ratio"
    how = {"strip": f"{RATIO}/", "whole": "all weights"}
    figure = lines_figure(run, names, title, "‖update‖ / ‖weights‖", **how)
    for trace in figure.data:
        trace.y = [v if v is not None and v > 0 else None for v in trace.y]
    positive = [v for trace in figure.data for v in trace.y if v is not None]
    figure.update_yaxes(**log_ticks([*positive, USUAL]), rangemode="normal")
    figure.add_hline(y=USUAL, line={"color": INK, "width": 1, "dash": "dash"})
    figure.add_annotation(
        text="usual: about 0.001",
        x=1,
        xref="paper",
        xanchor="right",
        y=-3,  # annotations want the exponent on a logarithmic axis
        yanchor="bottom",
        showarrow=False,
        font={"size": 11},
    )
    return scales_told(figure)


def parts_figure(run: Run) -> Any:
    """The factors whose product is the rate: base, schedule, each rule.

    Args:
        run: A run with `rate/<part>`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    names = groups_of(run, "rate")
    return lines_figure(run, names, "What the rate is made of", "base or factor", strip="rate/")


def metrics_figure(run: Run) -> Any:
    """The metrics that aren't losses.

    Args:
        run: A run with such.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    names = metric_names(run)
    return lines_figure(run, names, "Metrics", names[0] if len(names) == 1 else "value")


def norms_figure(run: Run, norm: str) -> Any:
    """The norm of the gradient or of the weights, of all of them and of groups perhaps.

    Args:
        run: A run with it.
        norm: One of `NORMS`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    names, what = groups_of(run, norm), NORMS[norm]
    how = {"strip": f"{norm}/", "whole": "all weights"}
    return lines_figure(run, names, f"Norm of the {what}", f"‖{what}‖", **how)
