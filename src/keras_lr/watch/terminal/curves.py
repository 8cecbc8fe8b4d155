"""Curves in the terminal, drawn with block characters: text, so that a caller decides where it goes."""

import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.finder.finding import Finding
from keras_lr.watch.axes import LOSS, Axis
from keras_lr.watch.style import number
from keras_lr.watch.terminal.colour import coloured

WIDTH = 72
"""Columns a curve takes at most; a narrower terminal narrows it."""


def curve(
    series: Sequence[tuple[Any, Any]],
    *,
    labels: Sequence[str] | None = None,
    title: str = "",
    lines: bool = True,
    height: int = 14,
    **options: Any,
) -> str:
    """Lines through points, as text; `options` go to uniplot."""
    from uniplot import plot_to_string

    width = max(20, min(WIDTH, shutil.get_terminal_size((80, 24)).columns - 12))
    if labels is not None:
        options["legend_labels"] = list(labels)
    if title:  # an empty one it can't centre
        options["title"] = title
    text = plot_to_string(
        xs=[xs for xs, _ in series],
        ys=[ys for _, ys in series],
        lines=lines,
        width=width,
        height=height,
        color=len(series) > 1 and coloured(),
        **options,
    )
    return text if isinstance(text, str) else "\n".join(text)


def finding_curve(finding: Finding) -> str:
    """Loss against rate (log-x), with a line at the suggestion."""
    rates, losses = np.asarray(finding.rates, float), np.asarray(finding.losses, float)
    good = np.isfinite(losses)
    if not good.any():
        return "every rate diverged"
    # Members that are about to diverge would flatten all others on a linear axis.
    up = Axis.around(losses[good].tolist(), spread=LOSS, margin=0.03)
    what = "loss (logarithmic)" if up.log else "loss"
    what += " against learning rate"
    if not good.all():
        what += f" ({int((~good).sum())} of {len(rates)} diverged)"
    if finding.learning_rate is not None:
        what += f"; | use {number(finding.learning_rate)}"
    marks = [] if finding.learning_rate is None else [finding.learning_rate]
    return curve(
        [(rates[good], losses[good])],
        title=what,
        lines=True,
        x_as_log=True,
        x_min=float(rates.min()),
        x_max=float(rates.max()),
        x_gridlines=marks,
        y_gridlines=[],
        y_as_log=up.log,
        y_min=up.low,
        y_max=up.high,
    )
