"""Optuna's own figures of a study, in this package's looks."""

from typing import Any

from keras_lr.errors import InvalidInput, nearest
from keras_lr.watch.style import blank

KINDS = {
    "history": "plot_optimization_history",
    "importance": "plot_param_importances",
    "parallel": "plot_parallel_coordinate",
    "contour": "plot_contour",
    "slice": "plot_slice",
    "rank": "plot_rank",
    "edf": "plot_edf",
    "timeline": "plot_timeline",
    "intermediate": "plot_intermediate_values",
}
"""Names of `Study.plot` to functions of `optuna.visualization`."""


def optuna_figure(study: Any, kind: str) -> Any:
    """One of Optuna's figures.

    Args:
        study: A `keras_lr.Study`.
        kind: A name of `KINDS`.

    Returns:
        A `plotly.graph_objects.Figure`.

    Raises:
        InvalidInput: An unknown kind; an importance that can't be told.
    """
    from optuna import visualization

    if kind not in KINDS:
        raise InvalidInput(f"Unknown kind of plot {kind!r}. {nearest(str(kind), ['rate', *KINDS])}")
    if kind == "importance":
        study.importance()  # its errors say what is missing
    target = {} if kind in ("timeline", "intermediate") else {"target_name": study.objective}
    figure = getattr(visualization, KINDS[kind])(study.optuna, **target)
    figure.update_layout(template=blank("").layout.template)
    return figure
