"""A study as the tuning playbook asks for it: objective against rate, and where the best lies."""

import math
from typing import Any

from keras_lr.tuner.edges import edges
from keras_lr.watch.style import (
    BAD,
    COLOURS,
    GOOD,
    INK,
    SYMBOLS,
    blank,
    log_ticks,
    loss_axis,
    number,
    safe,
    schedule_words,
)


def study_figure(study: Any) -> Any:
    """Objective against learning rate (log-x), one mark a trial.

    Coloured by momentum (or, without one, by schedule), the schedule as the mark's shape, pruned
    trials hollow, diverged ones crossed at the bad end, the best ringed; a warning when the best
    lies at the edge of the range that was searched (Google's tuning playbook, "Identifying bad
    search space boundaries").

    Args:
        study: The `keras_lr.Study`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    trials = [t for t in study.trials if _rate(t) is not None]
    figure = blank("Objective against learning rate", x="learning rate", y=study.objective)
    figure.update_xaxes(**log_ticks([_rate(t) for t in trials]))
    points = [(t, shown_value(t, study)) for t in trials]
    good = [(t, v) for t, v in points if v is not None and t.state != "diverged"]
    shown = [v for _, v in good]
    if study.direction == "minimize":
        figure.update_yaxes(**loss_axis(shown))
    colour_key = "momentum" if any("momentum" in t.params for t in trials) else "schedule"
    groups = _distinct(t.params.get(colour_key) for t, _ in good)
    shapes = _distinct(t.params.get("schedule") for t, _ in good)
    for index, group in enumerate(groups):
        members = [(t, v) for t, v in good if t.params.get(colour_key) == group]
        colour = COLOURS[index % len(COLOURS)]
        if group is not None:
            figure.add_trace(_key(f"{colour_key} {describe_value(group)}", color=colour))
        figure.add_trace(
            go.Scatter(
                x=[_rate(t) for t, _ in members],
                y=[v for _, v in members],
                mode="markers",
                showlegend=False,
                marker={
                    "size": 10,
                    "color": colour,
                    "line": {"color": colour, "width": 2},
                    "symbol": [
                        SYMBOLS[shapes.index(t.params.get("schedule")) % len(SYMBOLS)]
                        + ("-open" if t.state == "pruned" else "")
                        for t, _ in members
                    ],
                },
                text=[hover(t) for t, _ in members],
                hovertemplate="%{text}<br>" + safe(study.objective) + " %{y:.4g}<extra></extra>",
            )
        )
    if len(shapes) > 1:
        for index, shape in enumerate(shapes):
            symbol = SYMBOLS[index % len(SYMBOLS)]
            figure.add_trace(_key(describe_value(shape), color=INK, symbol=symbol))
    if any(t.state == "pruned" for t, _ in good):
        figure.add_trace(_key("hollow: pruned", color=INK, symbol="circle-open"))
    bad = [t for t, v in points if t.state in ("diverged", "failed") or v is None]
    if bad:
        worst = (max if study.direction == "minimize" else min)(shown, default=1.0)
        figure.add_trace(
            go.Scatter(
                x=[_rate(t) for t in bad],
                y=[worst] * len(bad),
                mode="markers",
                name="diverged"
                if all(t.state == "diverged" for t in bad)
                else "diverged or failed",
                marker={"symbol": "x", "size": 11, "color": BAD},
                text=[hover(t) for t in bad],
                hovertemplate="%{text}<br>%{meta}<extra></extra>",
                meta="diverged or failed",
            )
        )
    if best := best_trial(study):
        figure.add_trace(
            go.Scatter(
                x=[_rate(best)],
                y=[best.value],
                mode="markers",
                name=f"best: {number(best.value)} at {number(_rate(best))}",
                marker={"symbol": "circle-open", "size": 20, "color": GOOD, "line": {"width": 3}},
                hoverinfo="skip",
            )
        )
    confirmed = getattr(study, "confirmed", None)
    if confirmed is not None and confirmed.number != study.best.number:
        figure.add_trace(
            go.Scatter(
                x=[_rate(confirmed)],
                y=[confirmed.value],
                mode="markers",
                name="best over several seeds",
                marker={"symbol": "square-open", "size": 20, "color": GOOD, "line": {"width": 3}},
                hoverinfo="skip",
            )
        )
    if warning := edge_warning(study):
        figure.add_annotation(
            text="⚠ " + warning.split(":")[0],
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.99,
            yanchor="top",
            showarrow=False,
            font={"color": BAD, "size": 14},
        )
    return figure


def edge_warning(study: Any) -> str | None:
    """A sentence when the best trial lies at the edge of a range, the rate's first; else `None`."""
    best = best_trial(study)
    found = [] if best is None else edges(study.space, best.params)
    found = sorted(found, key=lambda edge: edge.name != "learning_rate")
    return " ".join(map(str, found)) or None


def best_trial(study: Any) -> Any:
    """The study's best trial, or `None` when none completed."""
    if not any(t.state == "complete" and t.value is not None for t in study.trials):
        return None
    return study.best


def shown_value(trial: Any, study: Any) -> float | None:
    """A trial's objective; a pruned trial's is the last it reached."""
    value = trial.value
    if value is None:
        value = next(iter(reversed(trial.history.get(study.objective, []))), None)
    return value if value is not None and math.isfinite(value) else None


def hover(trial: Any) -> str:
    """What a trial's mark says."""
    settings = [f"{safe(k)} {safe(describe_value(v))}" for k, v in trial.params.items()]
    return "<br>".join([f"trial {trial.number} ({safe(trial.state)})", *settings])


def describe_value(value: Any) -> str:
    """A parameter's value for a reader."""
    if isinstance(value, float):
        return number(value)
    return "none" if value is None else schedule_words(str(value))


def _key(name: str, **marker: Any) -> Any:
    """An entry of the legend without a point of its own."""
    import plotly.graph_objects as go

    marker = {"symbol": "circle", "size": 10, **marker}
    return go.Scatter(x=[None], y=[None], mode="markers", name=safe(name), marker=marker)


def _rate(trial: Any) -> float | None:
    return trial.params.get("learning_rate")


def _distinct(values: Any) -> list[Any]:
    seen = list(dict.fromkeys(values))
    return sorted(seen, key=lambda v: (str(type(v)), v if isinstance(v, int | float) else str(v)))
