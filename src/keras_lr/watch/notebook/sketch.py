"""A small chart as SVG, for where a result is shown in a notebook: no script, no network.

Its ink is the text's own, so that it can be read on a light and on a dark page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from keras_lr.escaped import as_html
from keras_lr.watch.axes import Axis
from keras_lr.watch.style import BAD, COLOURS, GOOD, LOG, number
from keras_lr.watch.thinning import kept

WIDTH, HEIGHT = 480, 170
LEFT, RIGHT, TOP, BOTTOM = 74, 10, 10, 34
MOST = 300
"""Points that a line is drawn with, at most."""


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Args:
        xs: Where.
        ys: What; where it isn't finite there is nothing.
        kind: How they are drawn.
        name: What they are.
    """

    xs: Sequence[float]
    ys: Sequence[float | None]
    kind: Literal["line", "dots", "crosses"] = "line"
    name: str = ""


def sketch(
    series: Sequence[Series],
    *,
    x: str,
    y: str,
    x_log: bool = False,
    y_spread: float = math.inf,
    at: float | None = None,
    band: tuple[float, float] | None = None,
) -> str:
    """Some series in one small picture; nothing where there is no point to draw.

    Args:
        series: What is drawn.
        x: The name of the horizontal axis.
        y: The name of the vertical axis.
        x_log: Whether it is logarithmic (where its values allow it).
        y_spread: From which ratio of the highest to the lowest on the vertical one is.
        at: Where a vertical line stands.
        band: What is shaded.
    """
    found = [
        Series([a for a, _ in pairs], [b for _, b in pairs], each.kind, each.name)
        for each in series
        if (pairs := _finite(each))
    ]
    if not found:
        return ""
    marks = [] if at is None else [at]
    places = [*(v for each in found for v in each.xs), *marks]
    across = Axis.around(places, spread=0.0 if x_log else math.inf)
    heights = [v for each in found for v in each.ys if v is not None]
    up = Axis.around(heights, spread=y_spread)
    x, y = x + LOG * across.log, y + LOG * up.log

    def left(value: float) -> float:
        return round(LEFT + across.share(value) * (WIDTH - LEFT - RIGHT), 1)

    def top(value: float) -> float:
        return round(HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM), 1)

    floor = HEIGHT - BOTTOM
    parts = []
    if band is not None:
        low, high = (left(end) for end in band)
        parts.append(
            f"<rect x='{low}' y='{TOP}' width='{high - low:.1f}' height='{floor - TOP}' "
            f"fill='{GOOD}' opacity='.2'/>"
        )
    if at is not None:
        parts.append(
            f"<line x1='{left(at)}' x2='{left(at)}' y1='{TOP}' y2='{floor}' stroke='{GOOD}' "
            "stroke-width='2' stroke-dasharray='5 3'/>"
        )
    lines = 0
    for each in found:
        drawn = [(left(a), top(b)) for a, b in zip(each.xs, each.ys, strict=True) if b is not None]
        parts.append(_drawn(each.kind, drawn, COLOURS[lines % len(COLOURS)]))
        lines += each.kind == "line"
    labels = [
        *_legend([each.name for each in found if each.kind == "line" and each.name]),
        _label(LEFT, HEIGHT - 18, number(across.low), "start"),
        _label(WIDTH - RIGHT, HEIGHT - 18, number(across.high), "end"),
        _label((LEFT + WIDTH) / 2, HEIGHT - 4, x, "middle"),
        _label(LEFT - 6, floor, number(up.low), "end"),
        _label(LEFT - 6, TOP + 9, number(up.high), "end"),
        f"<g transform='translate(12 {(TOP + floor) / 2:.0f}) rotate(-90)'>"
        f"{_label(0, 0, y, 'middle')}</g>",
    ]
    said = as_html(f"{y} against {x}")
    frame = f"<path d='M{LEFT} {TOP}V{floor}H{WIDTH - RIGHT}' fill='none' stroke='currentColor' opacity='.4'/>"
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' height='{HEIGHT}' role='img' "
        f"aria-label='{said}' style='max-width:100%;font:11px sans-serif'>"
        f"{frame}{''.join(parts)}{''.join(labels)}</svg>"
    )


def _finite(series: Series) -> list[tuple[float, float]]:
    pairs = zip(series.xs, series.ys, strict=True)
    found = [(float(a), float(b)) for a, b in pairs if b is not None and math.isfinite(b)]
    return [found[i] for i in kept([b for _, b in found], MOST)]


def _drawn(kind: str, places: Sequence[tuple[float, float]], colour: str) -> str:
    if kind == "line":
        points = " ".join(f"{a},{b}" for a, b in places)
        line = f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='2'/>"
        return line if len(places) > 1 else _drawn("dots", places, colour)
    if kind == "dots":
        return "".join(f"<circle cx='{a}' cy='{b}' r='4' fill='{colour}'/>" for a, b in places)
    crosses = "".join(f"M{a - 4} {b - 4}l8 8m0 -8l-8 8" for a, b in places)
    return f"<path d='{crosses}' stroke='{BAD}' stroke-width='2.5' fill='none'/>"


def _legend(names: Sequence[str]) -> list[str]:
    """The names of several lines, one below the other at the right."""
    if len(names) < 2:
        return []
    return [
        f"<circle cx='{WIDTH - RIGHT - 4}' cy='{TOP + 6 + 14 * row}' r='4' "
        f"fill='{COLOURS[row % len(COLOURS)]}'/>"
        + _label(WIDTH - RIGHT - 12, TOP + 10 + 14 * row, name, "end")
        for row, name in enumerate(names)
    ]


def _label(x: float, y: float, text: str, anchor: str) -> str:
    words = as_html(text)
    return f"<text x='{x}' y='{y}' text-anchor='{anchor}' fill='currentColor'>{words}</text>"
