"""The study's other views: the rate × momentum map, and the best trials' curves."""

import math
from typing import Any

from keras_lr.watch.figures.study import add_crosses, add_edge_warning, add_rings, hover
from keras_lr.watch.style import (
    COLOURS,
    DASHES,
    INK,
    SCALE,
    blank,
    log_ticks,
    loss_axis,
    number,
    safe,
    scales_told,
)
from keras_lr.watch.thinning import kept
from keras_lr.watch.trials import (
    Standing,
    began_at,
    describe_value,
    edge_warning,
    ended_at,
    ranked,
    shown_value,
    varied,
)

CURVES = 200
"""Curves behind those of the best trials, at most: half of them the next best, half the worst."""

POINTS = 100
"""Points of each of them, at most."""


def momentum_figure(study: Any) -> Any:
    """Learning rate × momentum, coloured by the objective; diverged trials crossed.

    Momentum is drawn as 1 − momentum on a log scale, where its effect is even: rate / (1 −
    momentum) is the rate that plain SGD would take, so the useful trials lie along a diagonal.

    Args:
        study: A `keras_lr.Study` whose space holds `momentum`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    trials = [t for t in study.trials if {"learning_rate", "momentum"} <= set(t.params)]
    figure = blank("Learning rate × momentum", x="learning rate", y="momentum")
    figure.update_xaxes(**log_ticks([t.params["learning_rate"] for t in trials]))
    scales_told(figure)
    found = Standing.of(study, trials)
    good, bad = found.good, list(found.bad)
    values = sorted(v for _, v in good)
    figure.add_trace(
        go.Scatter(
            x=[t.params["learning_rate"] for t, _ in good],
            y=[1 - t.params["momentum"] for t, _ in good],
            mode="markers",
            marker={
                "size": 14,
                "color": [v for _, v in good],
                "colorscale": SCALE,
                "reversescale": study.direction == "minimize",
                # One terrible trial must not flatten the colours of all the others.
                "cmin": values[0 if study.direction == "minimize" else len(values) // 10]
                if values
                else 0,
                "cmax": values[-1 - len(values) // 10 if study.direction == "minimize" else -1]
                if values
                else 1,
                "line": {"color": INK, "width": 1},
                "colorbar": {
                    "title": {"text": safe(study.objective), "side": "right"},
                    "thickness": 12,
                    "outlinewidth": 0,
                },
            },
            text=[hover(t) for t, _ in good],
            hovertemplate="%{text}<br>"
            + safe(study.objective)
            + " %{marker.color:.4~g}<extra></extra>",
            showlegend=False,
        )
    )
    rates = [t.params["learning_rate"] for t in bad]
    add_crosses(figure, bad, rates, [1 - t.params["momentum"] for t in bad])
    add_rings(figure, study, _on_map)
    add_edge_warning(figure, study)
    momenta = sorted({t.params["momentum"] for t in trials})
    chosen = len(momenta) <= 8 and all(len(f"{m:g}") <= 5 for m in momenta)  # not drawn
    ticks = momenta if chosen else [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999]
    room = 0.5 if edge_warning(study) else 0.2  # above the highest, for the words of the warning
    ends = math.log10(1 - min(momenta, default=0.0)), math.log10(1 - max(momenta, default=0.9))
    figure.update_yaxes(
        type="log",
        range=[ends[0] + 0.2, ends[1] - room],
        tickvals=[1 - m for m in ticks],
        ticktext=[f"{m:g}" for m in ticks],
    )
    figure.update_layout(showlegend=True)
    return figure


def _on_map(trial: Any) -> tuple[float, float] | None:
    if not {"learning_rate", "momentum"} <= set(trial.params):
        return None
    return trial.params["learning_rate"], 1 - trial.params["momentum"]


def best_trials_figure(study: Any, *, count: int = 5) -> Any:
    """The objective over the epochs: the best trials in colour, all others behind them.

    Args:
        study: The `keras_lr.Study`.
        count: How many of the best are named and coloured.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    best = ranked(study)[:count]
    population = hasattr(study, "copies")
    kind = "members" if population else "trials"
    figure = blank(f"The {len(best)} best {kind}", x="epoch", y=study.objective, height=460)
    others, name = _others(study, best), f"other {kind}"
    if len(others) > CURVES:
        name = f"the best and the worst of {len(others)} other {kind}"
        others = [*others[: CURVES // 2], *others[-(CURVES // 2) :]]
    xs: list[Any] = []
    ys: list[Any] = []
    for trial in others:  # one trace with gaps: a hundred traces would slow the page down
        curve = trial.history.get(study.objective, [])
        drawn = kept(curve, POINTS)
        xs += [*(i + 1 for i in drawn), None]
        ys += [
            *(v if (v := curve[i]) is not None and math.isfinite(v) else None for i in drawn),
            None,
        ]
    if xs:
        figure.add_trace(
            go.Scatter(
                x=xs,
                y=ys,
                mode="lines",
                name=name,
                hoverinfo="skip",
                opacity=0.4,
                line={"color": INK, "width": 1},
            )
        )
    shown: list[float] = []
    keys = varied(study)
    confirmed = getattr(study, "confirmed", None)
    for index, trial in enumerate(best):
        curve = trial.history.get(study.objective, [])
        shown += [v for v in curve if math.isfinite(v)]
        short = ", ".join(describe_value(trial.params.get(key), key) for key in keys)
        if population:  # what it started with says little of what it was then copied from
            short = f"{number(began_at(study, trial))} to {number(ended_at(trial))}"
        chosen = "chosen: " if confirmed is not None and trial.number == confirmed.number else ""
        figure.add_trace(
            go.Scatter(
                x=list(range(1, len(curve) + 1)),
                y=list(curve),
                mode="lines",
                name=safe(f"{chosen}#{trial.number} ({short})"),
                line={
                    "color": COLOURS[index % len(COLOURS)],
                    "width": 4 if chosen or (confirmed is None and index == 0) else 2,
                    "dash": DASHES[index % len(DASHES)],
                },
                hovertemplate=f"#{trial.number}, epoch %{{x}}: %{{y:.4~g}}"
                f"<extra>{safe(short)}</extra>",
            )
        )
    axis = loss_axis(shown) if study.direction == "minimize" else {}
    figure.update_yaxes(**axis)
    if shown:  # the others may have gone anywhere: look where the best are
        low, high = min(shown), max(shown)
        ends = (math.log10(low), math.log10(high)) if axis else (low, high)
        room = 0.08 * ((ends[1] - ends[0]) or 1.0)
        figure.update_yaxes(range=[ends[0] - room, ends[1] + room])
    return scales_told(figure)


def _others(study: Any, best: list[Any]) -> list[Any]:
    """All but the best trials, in order; those without a value at the end."""
    known = {id(t) for t in best}
    sign = 1 if study.direction == "minimize" else -1
    worth = {id(t): shown_value(t, study) for t in study.trials}

    def place(trial: Any) -> float:
        value = worth[id(trial)]
        return math.inf if value is None else sign * value

    return sorted((t for t in study.trials if id(t) not in known), key=place)
