"""The figure of a diagnosis: the run's curves, with the part shaded that shows each symptom."""

from typing import TYPE_CHECKING, Any

from keras_lr.watch.figures.history import history_figure
from keras_lr.watch.run import Curve, Run
from keras_lr.watch.style import BAD, COLOURS, INK, safe

if TYPE_CHECKING:
    from keras_lr.watch.diagnosis.diagnosis import Diagnosis
    from keras_lr.watch.diagnosis.symptom import Symptom

_COLOURS = {"bad": BAD, "warning": COLOURS[1], "note": COLOURS[5]}


def diagnosis_figure(diagnosis: "Diagnosis") -> Any:
    """Losses and rate of the run; a band for each symptom, with its title.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    run = diagnosis.run
    at_updates = not run.history or not run.logged(diagnosis.loss)
    figure = _of_updates(run, diagnosis.loss) if at_updates else history_figure(run)
    for row, symptom in enumerate(diagnosis.found):
        if symptom.span is None:
            continue
        low, high = _drawn(symptom, run, at_updates=at_updates)
        figure.add_vrect(
            x0=low,
            x1=high,
            fillcolor=_COLOURS[symptom.severity],
            opacity=0.12,
            line_width=0,
            layer="below",
        )
        figure.add_annotation(
            x=(low + high) / 2,
            y=0.98 - 0.07 * row,
            yref="paper",
            text=safe(symptom.title),
            hovertext=safe(symptom.evidence),
            showarrow=False,
            font={"color": INK, "size": 12},
            bgcolor="rgba(128,134,145,0.12)",
        )
    figure.update_layout(title={"text": safe(f"Diagnosis of {run.name}")})
    return figure


def _drawn(symptom: "Symptom", run: Run, *, at_updates: bool) -> tuple[float, float]:
    """Where the part that shows a symptom begins and ends on the axis of the figure."""
    low, high = symptom.span or (0.0, 0.0)
    if symptom.unit == "epoch" or at_updates:
        return low - 0.5, high + 0.5
    # A run that is judged at updates, and doesn't say how many an epoch has, has as many in each.
    last = max((c.steps[-1] for c in run.steps.values() if len(c.steps)), default=1)
    per_epoch = run.steps_per_epoch or last / max(run.epochs, 1)
    return low / per_epoch, high / per_epoch


def _of_updates(run: Run, name: str) -> Any:
    """The figure of a run whose loss was recorded at updates only."""
    import plotly.graph_objects as go

    from keras_lr.watch.style import blank, loss_axis

    figure = blank(run.name, x="step", y=name)
    curve = run.steps.get(name, Curve((), ()))
    figure.add_trace(
        go.Scatter(
            x=list(curve.steps),
            y=list(curve.values),
            mode="lines",
            name=safe(name),
            line={"color": COLOURS[0], "width": 2},
        )
    )
    figure.update_yaxes(**loss_axis(curve.values))
    return figure
