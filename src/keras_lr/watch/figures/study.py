"""A study as the tuning playbook asks for it: objective against rate, and where the best lies."""

import math
from collections.abc import Callable
from typing import Any

from keras_lr.watch.style import (
    BAD,
    COLOURS,
    INK,
    SCALE,
    SYMBOLS,
    blank,
    log_ticks,
    loss_axis,
    number,
    safe,
    scales_told,
)
from keras_lr.watch.trials import Standing, best_trial, describe_value, edge_warning

CONTINUOUS = 6
"""From more distinct numbers on, a colour scale tells them apart rather than a colour each."""


def study_figure(study: Any) -> Any:
    """Objective against learning rate (log-x), one mark a trial.

    Coloured by momentum (or, without one, by schedule), the schedule as the mark's shape, pruned
    trials hollow, diverged ones crossed at the bad end, the choice ringed: the best over several
    seeds where that was asked for, else the best; a warning when it lies at the edge of the range
    that was searched (Google's tuning playbook, "Identifying bad search space boundaries").

    Args:
        study: The `keras_lr.Study`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    trials = [t for t in study.trials if _rate(t) is not None]
    figure = blank("Objective against learning rate", x="learning rate", y=study.objective)
    figure.update_xaxes(**log_ticks([_rate(t) for t in trials]))
    found = Standing.of(study, trials)
    if study.direction == "minimize":
        figure.update_yaxes(**loss_axis(v for _, v in found.good))
    _add_trials(figure, list(found.good), study.objective)
    add_crosses(
        figure, list(found.bad), [_rate(t) for t in found.bad], [found.worst] * len(found.bad)
    )
    add_rings(figure, study, lambda t: (_rate(t), t.value) if _rate(t) is not None else None)
    add_edge_warning(figure, study)
    figure.update_layout(showlegend=True)
    return scales_told(figure)


def _add_trials(figure: Any, good: list[tuple[Any, float]], objective: str) -> None:
    """The trials that have a value, in groups of one colour or on a scale of colours."""
    import plotly.graph_objects as go

    key = "momentum" if any("momentum" in t.params for t, _ in good) else "schedule"
    groups = _distinct(t.params.get(key) for t, _ in good)
    shapes = _distinct(t.params.get("schedule") for t, _ in good)
    scaled = len(groups) > CONTINUOUS and all(isinstance(g, int | float) for g in groups)
    for index, group in enumerate([None] if scaled else groups):
        members = good if scaled else [(t, v) for t, v in good if t.params.get(key) == group]
        colour: Any = COLOURS[index % len(COLOURS)]
        marker: dict[str, Any] = {"color": colour, "line": {"color": colour, "width": 2}}
        if scaled:
            marker = _scale([t.params[key] for t, _ in members])
        elif group is not None:
            figure.add_trace(_key(f"{key} {describe_value(group, key)}", color=colour))
        figure.add_trace(
            go.Scatter(
                x=[_rate(t) for t, _ in members],
                y=[v for _, v in members],
                mode="markers",
                showlegend=False,
                marker={
                    "size": 10,
                    "symbol": [
                        SYMBOLS[shapes.index(t.params.get("schedule")) % len(SYMBOLS)]
                        + ("-open" if t.state == "pruned" else "")
                        for t, _ in members
                    ],
                    **marker,
                },
                text=[hover(t) for t, _ in members],
                hovertemplate="%{text}<br>" + safe(objective) + " %{y:.4~g}<extra></extra>",
            )
        )
    if len(shapes) > 1:
        for index, shape in enumerate(shapes):
            symbol = SYMBOLS[index % len(SYMBOLS)]
            figure.add_trace(_key(describe_value(shape, "schedule"), color=INK, symbol=symbol))
    if any(t.state == "pruned" for t, _ in good):
        figure.add_trace(_key("hollow: pruned", color=INK, symbol="circle-open"))


def _scale(momenta: list[float]) -> dict[str, Any]:
    """Colours of momenta by 1 / (1 − momentum), on which their effect is even."""
    ticks = [m for m in (0.0, 0.5, 0.9, 0.99, 0.999) if min(momenta) <= m <= max(momenta)]
    ticks = ticks if len(ticks) > 1 else [min(momenta), max(momenta)]
    return {
        "color": [_place(m) for m in momenta],
        "colorscale": SCALE,
        "line": {"color": INK, "width": 1},
        "colorbar": {
            "title": {"text": "momentum", "side": "right"},
            "tickvals": [_place(m) for m in ticks],
            "ticktext": [number(m) for m in ticks],
            "thickness": 12,
            "outlinewidth": 0,
        },
    }


def _place(momentum: float) -> float:
    return -math.log10(max(1 - momentum, 1e-6))


def add_crosses(figure: Any, bad: list[Any], xs: list[Any], ys: list[Any]) -> None:
    """Trials that came to nothing, crossed."""
    import plotly.graph_objects as go

    if not bad:
        return
    every = all(t.state == "diverged" for t in bad)
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="markers",
            name="diverged" if every else "diverged or failed",
            marker={"symbol": "x", "size": 11, "color": BAD},
            text=[hover(t) for t in bad],
            hovertemplate="%{text}<extra></extra>",
        )
    )


def add_rings(figure: Any, study: Any, place: Callable[[Any], tuple[Any, Any] | None]) -> None:
    """A ring around the choice, and a square around the best single trial where that is another.

    Args:
        figure: The figure.
        study: The study.
        place: Where a trial lies in it; `None` where it doesn't.
    """
    import plotly.graph_objects as go

    best, confirmed = best_trial(study), getattr(study, "confirmed", None)
    if best is None:
        return
    rings = [(best, "circle-open", f"best: {number(best.value)} at {number(_rate(best))}")]
    if confirmed is not None:
        mean = number(study.confirmation.choice.mean)
        name = f"chosen: {mean} over other seeds, at {number(_rate(confirmed))}"
        rings = [(confirmed, "circle-open", name)]
        if confirmed.number != best.number:
            rings.append((best, "square-open", f"best single trial: {number(best.value)}"))
    for trial, symbol, name in rings:
        at = place(trial)
        if at is None:
            continue
        figure.add_trace(
            go.Scatter(
                x=[at[0]],
                y=[at[1]],
                mode="markers",
                name=safe(name),
                marker={"symbol": symbol, "size": 22, "color": INK, "line": {"width": 3}},
                hoverinfo="skip",
            )
        )


def add_edge_warning(figure: Any, study: Any) -> None:
    """Its first words across the top, where there is one."""
    if warning := edge_warning(study):
        figure.add_annotation(
            text="⚠ " + safe(warning.split(":")[0]),
            xref="paper",
            yref="paper",
            x=0.5,
            y=0.99,
            yanchor="top",
            showarrow=False,
            font={"size": 12},
        )


def hover(trial: Any) -> str:
    """What a trial's mark says."""
    settings = [f"{safe(k)} {safe(describe_value(v, k))}" for k, v in trial.params.items()]
    return "<br>".join([f"trial {trial.number} ({safe(trial.state)})", *settings])


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
