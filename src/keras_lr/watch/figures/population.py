"""A population's rates over the epochs, and the lineage that won."""

from typing import Any

from keras_lr.watch.style import COLOURS, GOOD, INK, blank, log_ticks, number, safe, scales_told
from keras_lr.watch.trials import rate_path


def population_figure(population: Any) -> Any:
    """Every member's rate, epoch by epoch, and the path of the best one.

    Thin lines are the members' places: a jump is where one went on as a copy of another. The thick
    line is the best member's lineage from its first ancestor on, with a mark at each copy.

    Args:
        population: The `keras_lr.tuner.population.result.Population`.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    best = population.best
    figure = blank(
        f"The rates of {len(population.trials)} members", x="epoch", y="learning rate", height=460
    )
    rates = {trial.number: rate_path(trial) for trial in population.trials}
    xs: list[Any] = []
    ys: list[Any] = []
    for curve in rates.values():  # one trace with gaps
        xs += [*range(1, len(curve) + 1), None]
        ys += [*curve, None]
    figure.add_trace(
        go.Scatter(
            x=xs,
            y=ys,
            mode="lines",
            name="members",
            hoverinfo="skip",
            opacity=0.5,
            line={"color": INK, "width": 1, "shape": "hv"},
        )
    )
    legs = population.lineage(best.number)
    path: list[float] = []
    for leg, following in zip(legs, [*legs[1:], None], strict=True):
        end = len(rates[best.number]) if following is None else following.start
        path += rates[leg.member][leg.start : end]
    name = f"the path of trial {best.number}: {population.objective} {number(_value(population))}"
    figure.add_trace(
        go.Scatter(
            x=list(range(1, len(path) + 1)),
            y=path,
            mode="lines",
            name=safe(name),
            line={"color": COLOURS[0], "width": 3, "shape": "hv"},
            hovertemplate="epoch %{x}: %{y:.4~g}<extra></extra>",
        )
    )
    copied = [leg for leg in legs if leg.start < len(path)][1:]
    figure.add_trace(
        go.Scatter(
            x=[leg.start + 1 for leg in copied],
            y=[path[leg.start] for leg in copied],
            mode="markers",
            name="copied",
            marker={"color": GOOD, "size": 9, "symbol": "diamond"},
            text=[f"trial {leg.member} goes on × {leg.factor:g} of the base" for leg in copied],
            hovertemplate="%{text}<extra></extra>",
        )
    )
    figure.update_yaxes(**log_ticks([rate for curve in rates.values() for rate in curve]))
    return scales_told(figure)


def _value(population: Any) -> float | None:
    best = population.best
    return best.value if best.value is not None else best.history[population.objective][-1]
