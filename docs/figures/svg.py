"""Small line charts as SVG, written without a browser: kilobytes, sharp, on light and dark pages.

The background is transparent, and text and lines are of middling lightness, so that one file serves
both. Colours are Okabe and Ito's, told apart by colour-blind readers too; lines are named where they
are, and not in a legend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

INK = "#7a838c"
BLUE, ORANGE, GREEN, RED = "#2b87c8", "#d68910", "#109a72", "#d55e00"
FONT = "font-family='system-ui, sans-serif' font-size='14'"


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Args:
        x, y: Where it runs, in the chart's units.
        name: What is written beside it; empty for nothing.
        colour: Of line and name.
        at: The share of the line's length at which its name stands.
        lift: Pixels from the line up to its name; negative for below.
        dashed: Whether it is dashed.
    """

    x: Any
    y: Any
    name: str = ""
    colour: str = BLUE
    at: float = 0.5
    lift: float = 8.0
    dashed: bool = False


@dataclass(frozen=True)
class Chart:
    """Lines over one pair of axes.

    Args:
        lines: What is drawn.
        title: Above it.
        x_label: Below its axis.
        x_ticks, y_ticks: Positions, each with its text.
        top: The axis' upper end; the lower one is 0.
        marks: Positions on the x axis with a text, drawn as dotted verticals.
    """

    lines: Sequence[Line]
    title: str = ""
    x_label: str = ""
    x_ticks: Sequence[tuple[float, str]] = ()
    y_ticks: Sequence[tuple[float, str]] = ()
    top: float = 1.0
    marks: Sequence[tuple[float, str]] = ()


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "start") -> str:
    """Words at a place."""
    return f"<text x='{x:.0f}' y='{y:.0f}' fill='{colour}' text-anchor='{anchor}'>{escape(words)}</text>"


def drawn(chart: Chart, left: float, top: float, width: float, height: float) -> list[str]:
    """A chart's elements, its axes' corner at (`left`, `top` + `height`)."""
    end = max(float(np.max(line.x)) for line in chart.lines)

    def place(x: Any, y: Any) -> tuple[Any, Any]:
        return (
            left + np.asarray(x) / end * width,
            top + height * (1 - np.asarray(y) / chart.top),
        )

    made = [f"<path d='M{left} {top}V{top + height}H{left + width}' fill='none' stroke='{INK}'/>"]
    made.append(text(left, top - 12, chart.title))
    if chart.x_label:
        made.append(text(left + width, top + height + 38, chart.x_label, anchor="end"))
    for at, words in chart.x_ticks:
        x, y = place(at, 0)
        made.append(text(x, y + 18, words, anchor="middle"))
    for at, words in chart.y_ticks:
        x, y = place(0, at)
        made.append(text(x - 6, y + 5, words, anchor="end"))
    for at, words in chart.marks:
        x, _ = place(at, 0)
        made.append(
            f"<path d='M{x:.1f} {top}V{top + height}' stroke='{INK}' stroke-dasharray='2 4'/>"
        )
        made.append(text(x + 5, top + 12, words))
    for line in chart.lines:
        xs, ys = place(line.x, line.y)
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True))
        dashes = " stroke-dasharray='6 5'" if line.dashed else ""
        made.append(
            f"<path d='M{path}' fill='none' stroke='{line.colour}' stroke-width='2.5'"
            f" stroke-linejoin='round'{dashes}/>"
        )
        if line.name:
            here = round(line.at * (len(xs) - 1))
            made.append(text(xs[here] + 6, ys[here] - line.lift, line.name, line.colour))
    return made


def svg(elements: Sequence[str], width: int, height: int, label: str) -> str:
    """The file; `label` is what a screen reader says."""
    body = "\n".join(elements)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' {FONT}"
        f" role='img' aria-label='{escape(label, quote=True)}'>\n{body}\n</svg>\n"
    )


def single(chart: Chart, label: str, width: int = 760, height: int = 320) -> str:
    """A file of one chart."""
    return svg(drawn(chart, 64, 34, width - 84, height - 84), width, height, label)
