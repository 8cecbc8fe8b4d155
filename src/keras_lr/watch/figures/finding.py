"""What the finder saw: loss against rate, and each member's race."""

import math
from typing import Any

import numpy as np

from keras_lr.finder.finding import Finding
from keras_lr.watch.style import (
    BAD,
    COLOURS,
    GOOD,
    INK,
    SCALE,
    blank,
    log_ticks,
    loss_axis,
    number,
    scales_told,
    shade,
)


def finding_figure(finding: Finding) -> Any:
    """Loss against rate (log-x): every rate tried, the suggestion, its band, diverged crossed.

    Args:
        finding: The outcome of `keras_lr.find`, a refusal's included.

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    rates = np.asarray(finding.rates, float)
    losses = np.asarray(finding.losses, float)
    good = np.isfinite(losses)
    what = "mean loss at the end of the race" if finding.method == "race" else "smoothed loss"
    figure = blank("Loss against learning rate", x="learning rate", y=what)
    figure.update_xaxes(**log_ticks(rates))
    figure.update_yaxes(**loss_axis(losses[good]))
    if finding.band is not None:
        low, high = finding.band
        figure.add_trace(_legend_of_band(low, high))
        figure.add_vrect(x0=low, x1=high, fillcolor=GOOD, opacity=0.15, line_width=0, layer="below")
    figure.add_trace(
        go.Scatter(
            x=rates[good],
            y=losses[good],
            mode="lines+markers" if good.sum() <= 40 else "lines",
            name="a rate that was tried",
            line={"color": COLOURS[0], "width": 2},
            marker={"size": 8},
            hovertemplate="rate %{x:.3~g}<br>loss %{y:.4~g}<extra></extra>",
        )
    )
    if (~good).any():
        top = float(losses[good].max()) if good.any() else 1.0
        figure.add_trace(
            go.Scatter(
                x=rates[~good],
                y=np.full(int((~good).sum()), top),
                mode="markers",
                name="diverged",
                marker={"symbol": "x", "size": 11, "color": BAD},
                hovertemplate="rate %{x:.3~g}: diverged<extra></extra>",
            )
        )
    if finding.learning_rate is not None:
        figure.add_vline(x=finding.learning_rate, line={"color": GOOD, "width": 2, "dash": "dash"})
        figure.add_annotation(
            text=f"use {number(finding.learning_rate)}",
            x=math.log10(finding.learning_rate),  # annotations want the exponent, shapes the rate
            y=1,
            yref="paper",
            xanchor="right",
            yanchor="top",
            showarrow=False,
            font={"size": 14},
        )
    figure.update_layout(showlegend=bool((~good).any()) or finding.band is not None)
    return scales_told(figure)


def finding_curves_figure(finding: Finding) -> Any:
    """The race itself: each member's loss (smoothed) at every step, coloured by its rate; the band's solid.

    Args:
        finding: A finding whose `curves` were kept (`method="race"`).

    Returns:
        A `plotly.graph_objects.Figure`.
    """
    import plotly.graph_objects as go

    curves = np.asarray(finding.curves, float)
    rates = np.asarray(finding.rates, float)
    figure = blank("Every member's curve", x="step", y="loss (smoothed)")
    logs = np.log(rates)
    shares = (logs - logs.min()) / max(float(np.ptp(logs)), 1e-12)
    best = None
    if finding.learning_rate is not None:
        best = int(np.argmin(np.abs(logs - math.log(finding.learning_rate))))
    low, high = finding.band or (math.inf, -math.inf)
    start = curves[:, 0][np.isfinite(curves[:, 0])]
    ceiling = 1.5 * float(start.max()) if start.size else None
    named = False
    for index, (rate, curve) in enumerate(zip(rates, curves, strict=True)):
        smooth = _smooth(curve)
        steps = np.arange(1, len(smooth) + 1)
        keep = np.isfinite(smooth)
        if ceiling is not None:
            keep &= smooth <= ceiling  # beyond it the member is lost, and would hide the others
        thin = slice(None, None, max(1, len(smooth) // 200))
        inside = bool(low * 0.999 <= rate <= high * 1.001)
        name, first = number(rate), inside and not named and index != best
        if index == best:
            name = f"{number(rate)}, the nearest to the suggestion"
        elif first:
            name, named = f"within the band, {number(low)} to {number(high)}", True
        figure.add_trace(
            go.Scatter(
                x=steps[thin],
                y=np.where(keep, smooth, np.nan)[thin],
                mode="lines",
                name=name,
                line={
                    "color": shade(float(shares[index])),
                    "width": 5 if index == best else 3 if inside else 1.5,
                    "dash": "solid" if inside or index == best else "dot",
                },
                hovertemplate=f"rate {number(rate)}<br>step %{{x}}<br>loss %{{y:.4~g}}<extra></extra>",
                showlegend=index == best or first,
            )
        )
    figure.add_trace(_colour_bar(rates))
    return figure


def _legend_of_band(low: float, high: float) -> Any:
    """What the shaded band is, for the legend."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=f"good rates: {number(low)} to {number(high)}",
        marker={"symbol": "square", "size": 12, "color": GOOD, "opacity": 0.4},
    )


def _smooth(curve: np.ndarray, share: float = 0.05) -> np.ndarray:
    """An exponential mean over about `share` of the curve, corrected for its start."""
    keep = 1 - 1 / max(1.0, share * len(curve))
    smoothed, weight, out = 0.0, 0.0, np.full(len(curve), np.nan)
    for index, value in enumerate(curve):
        if not math.isfinite(value):
            break
        smoothed, weight = keep * smoothed + (1 - keep) * value, keep * weight + (1 - keep)
        out[index] = smoothed / weight
    return out


def _colour_bar(rates: np.ndarray) -> Any:
    import plotly.graph_objects as go

    powers = [p for p in range(-12, 4) if rates.min() <= 10.0**p * 1.0001 <= rates.max() * 1.001]
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        showlegend=False,
        hoverinfo="skip",
        marker={
            "colorscale": SCALE,
            "cmin": math.log10(rates.min()),
            "cmax": math.log10(rates.max()),
            "color": [0],
            "showscale": True,
            "colorbar": {
                "title": {"text": "rate"},
                "tickvals": powers,
                "ticktext": [f"{10.0**p:g}" for p in powers],
                "thickness": 12,
                "outlinecolor": INK,
                "outlinewidth": 0,
            },
        },
    )
