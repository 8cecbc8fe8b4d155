"""Lines of a run in a picture: their colours, their axes, and which of many are drawn."""

import math
from statistics import median
from typing import Any

from keras_lr.watch.axes import RATE, logarithmic
from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import line, points, x_name
from keras_lr.watch.style import (
    COLOURS,
    DASHES,
    blank,
    linear_ticks,
    log_ticks,
    safe,
    scales_told,
    shade,
)

NAMED = 12
"""Lines that the legend of a picture names; of more it names the ends, and hovering the others."""
FEW = 8
"""Epochs, at most, that each have a tick."""
LINES = 60
"""Lines that a picture holds, at most; of more it shows the highest and the lowest."""


def lines_figure(
    run: Run, names: list[str], title: str, y: str, *, strip: str = "", whole: str = ""
) -> Any:
    """Some curves of a run in one picture.

    Args:
        run: The run.
        names: Which.
        title: Of the figure.
        y: Of its values.
        strip: What the names begin with and the legend leaves out.
        whole: What the legend calls the curve whose name is that without the slash.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    if len(names) > LINES:
        title += f": the highest and the lowest of {len(names)}"
        names = _outermost(run, names)
    figure = blank(title, x=x_name(run), y=y, height=380)
    shown: list[float | None] = []
    for index, name in enumerate(names):
        label = whole if whole and f"{name}/" == strip else name.removeprefix(strip) or name
        trace = line_trace(run, name, index, label=label)
        shown += [v for v in trace.y if v is not None]
        if len(names) > NAMED:  # in order, from one end of a scale to the other
            colour = shade(index / (len(names) - 1))
            trace.update(mode="lines", line={"color": colour, "width": 1.5, "dash": "solid"})
            trace.showlegend = index in (0, len(names) - 1)
        figure.add_trace(trace)
    figure.update_yaxes(**value_axis(shown))
    figure.update_xaxes(**counted_axis(figure))
    figure.update_layout(showlegend=True)
    return scales_told(figure)


def _outermost(run: Run, names: list[str]) -> list[str]:
    """The curves that lie highest and lowest at their median, in their order.

    The first, which is often that of all, is one of them.
    """
    known = {n: [v for _, v in points(run, n) if math.isfinite(v)] for n in names[1:]}
    ranked = sorted((n for n in known if known[n]), key=lambda n: median(known[n]))
    half = LINES // 2
    shown = {names[0], *ranked[: half - 1], *ranked[-half:]}
    return [name for name in names if name in shown]


def line_trace(
    run: Run, name: str, index: int, *, label: str | None = None, dash: str = "", **options: Any
) -> Any:
    """A line in the colour and the dashes of its place.

    Args:
        run: The run.
        name: The curve.
        index: Its place.
        label: What the legend calls it; by default its name.
        dash: Other dashes.
        options: For the trace.
    """
    import plotly.graph_objects as go

    xs, ys = line(run, name)
    label = safe(name if label is None else label)
    at = f"{x_name(run)} %{{x:.4~g}}"
    return go.Scatter(
        x=xs,
        y=ys,
        mode="lines+markers" if len(xs) <= 40 else "lines",
        marker={"size": 5},
        name=label,
        line={
            "color": COLOURS[index % len(COLOURS)],
            "width": 2.5 if index < len(COLOURS) else 1.5,
            "dash": dash or DASHES[index % len(DASHES)],
        },
        hovertemplate=f"{at}: %{{y:.4~g}}<extra>{label}</extra>",
        **options,
    )


def value_axis(values: list[float | None]) -> dict[str, Any]:
    """Axis settings: logarithmic for positive values that span much, else from 0 on."""
    finite = [v for v in values if v is not None and math.isfinite(v)]
    if logarithmic(finite, RATE):
        return log_ticks(finite)
    return {} if not finite or min(finite) < 0 else linear_ticks(finite)


def counted_axis(figure: Any) -> dict[str, Any]:
    """Axis settings for epochs or steps: where they are few, no tick lies between two.

    Args:
        figure: A plotly figure with all of its curves.
    """
    places = [x for trace in figure.data for x in trace.x or () if x is not None]
    return {"dtick": 1} if places and max(places) - min(places) <= FEW else {}
