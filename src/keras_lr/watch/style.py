"""How every chart looks: colours, numbers, and the layout they share.

Every colour has a contrast of 3 and more to a white and to a dark page (WCAG 2.1, 1.4.11), and any
two of them stay apart for the colour-blind (simulated after Machado, Oliveira and Fernandes, 2009);
every meaning carried by a colour is carried by a symbol or a line style too. The background is
transparent and the ink a middle grey, so that a figure can be read on a white and on a black page;
the report's script puts the page's own ink in place of it.
"""

import math
from collections.abc import Iterable
from typing import Any

from keras_lr.escaped import as_html
from keras_lr.watch.axes import logarithmic

COLOURS = ("#3d5fda", "#d47800", "#00a36d", "#e840ad", "#cf0c28", "#7337ff", "#5c7738", "#4b7075")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "star-square")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SCALE = ((0.0, "#3d5fda"), (0.5, "#a0678c"), (1.0, "#d47800"))
"""From low to high; each of it as visible as the colours above."""
TICKS = 7
"""Powers of ten that an axis names, about."""
LOG = " (log)"
"""What the title of a logarithmic axis ends with."""
SMALL, LARGE = 1e-3, 1e5
"""Between them the ticks of a linear axis are plain decimals."""
_LEAST, _MOST = -307, 307
"""Powers of ten that a float holds, and five times them."""
INK = "#72767d"
GRID = "rgba(128,134,145,0.25)"
BAD = "#cf0c28"
GOOD = "#00a36d"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def shade(share: float) -> str:
    """The colour of `SCALE` at a share of its length.

    >>> shade(0.0), shade(0.25)
    ('#3d5fda', '#6e63b3')
    """
    (_, low), (_, middle), (_, high) = SCALE
    ends, at = ((low, middle), 2 * share) if share < 0.5 else ((middle, high), 2 * share - 1)
    parts = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in ends]
    mixed = (round(a + at * (b - a)) for a, b in zip(*parts, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def safe(text: object) -> str:
    """User text for a chart, where plotly would read HTML tags; control characters are told.

    >>> safe("<script>")
    '&lt;script&gt;'
    """
    return as_html(text, quote=False)


def number(value: float | None, digits: int = 3) -> str:
    """A number as a reader wants it: three significant digits, no noise.

    >>> number(0.120004), number(12345.6), number(3.2e-5), number(None)
    ('0.12', '12346', '3.2e-05', '–')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return {math.inf: "∞", -math.inf: "−∞"}.get(value, "NaN")
    if abs(value) >= 10**digits:
        return f"{value:.0f}" if abs(value) < 1e7 else f"{value:.{digits}g}"
    return f"{value:.{digits}g}"


def score(metric: str, value: float, spread: float | None = None) -> str:
    """A score with its spread; accuracies in percent.

    >>> score("test accuracy", 0.9791, 0.0031), score("val_loss", 0.1234, 0.01)
    ('97.9 ± 0.3 %', '0.123 ± 0.01')
    """
    spread = None if spread is None or not math.isfinite(spread) else spread
    if is_share(metric) and 0 <= value <= 1:
        middle = "" if spread is None else f" ± {100 * spread:.1f}"
        return f"{100 * value:.1f}{middle} %"
    return number(value) + ("" if spread is None else f" ± {number(spread, 2)}")


def is_share(metric: str) -> bool:
    """Whether a metric is a share between 0 and 1 that people read in percent."""
    return "acc" in metric.lower()


def schedule_words(text: str) -> str:
    """A schedule's text for a reader (and for `parse`): without empty brackets.

    >>> schedule_words("constant() | cooldown(20%)")
    'constant | cooldown(20%)'
    """
    return text.replace("()", "")


def log_ticks(values: Iterable[float | None]) -> dict[str, Any]:
    """Axis settings for positive numbers on a log scale, with ticks a reader can name.

    Up to three decades get ticks at 1, 2 and 5; more get powers of ten, so many as a low panel has
    room for. Without a positive number the scale has none.

    >>> log_ticks([0.02, 0.3])["ticktext"]
    ['0.01', '0.02', '0.05', '0.1', '0.2', '0.5', '1', '2', '5']
    >>> log_ticks([0.001])["ticktext"], log_ticks([0.0, math.nan, None])
    (['0.001', '0.002', '0.005'], {'type': 'log'})
    """
    finite = [v for v in values if v and math.isfinite(v) and v > 0]
    if not finite:
        return {"type": "log"}
    low, high = math.floor(math.log10(min(finite))), math.ceil(math.log10(max(finite)))
    heads = (1, 2, 5) if high - low <= 3 else (1,)
    step = max(1, math.ceil((high - low) / TICKS))
    powers = [p for p in range(low, high + 1, step) if _LEAST <= p <= _MOST]
    ticks = [head * 10.0**power for power in powers for head in heads]
    return {"type": "log", "tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


def linear_ticks(values: Iterable[float | None]) -> dict[str, Any]:
    """Axis settings for numbers from 0 on; very small and very large ones get ticks of their own.

    Plotly would write `2e−5` and `0.5e+4` beside a table's `2e-05` and `5000`.

    >>> linear_ticks([0.0, 2e-5])["ticktext"], linear_ticks([0.0, 2.0])
    (['0', '5e-06', '1e-05', '1.5e-05', '2e-05'], {'rangemode': 'tozero'})
    """
    top = max((v for v in values if v is not None and math.isfinite(v)), default=0.0)
    if SMALL <= top < LARGE or not 10.0**_LEAST < top < 10.0**_MOST:
        return {"rangemode": "tozero"}
    power = 10.0 ** math.floor(math.log10(top / 4))
    each = next(power * head for head in (1, 2, 2.5, 5, 10) if 4 * power * head >= top * (1 - 1e-9))
    ticks = [float(f"{i * each:.6g}") for i in range(int(top / each * (1 + 1e-9)) + 1)]
    return {
        "rangemode": "tozero",
        "tickvals": ticks,
        "ticktext": [number(tick) for tick in ticks],
    }


def scales_told(figure: Any) -> Any:
    """The same figure; the title of each logarithmic axis says so.

    Args:
        figure: A plotly figure.
    """
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        title = axis.title.text or ""
        if axis.type == "log" and not title.endswith(LOG):
            axis.title.text = title + LOG
    return figure


def loss_axis(values: Iterable[float | None]) -> dict[str, Any]:
    """Axis settings for a loss: logarithmic when it spans more than a factor of ten."""
    finite = [v for v in values if v is not None and math.isfinite(v)]
    return log_ticks(finite) if logarithmic(finite) else {}


def blank(title: str, *, x: str = "", y: str = "", height: int = 400) -> Any:
    """An empty figure with the shared layout; the axis titles are user text and get escaped."""
    import plotly.graph_objects as go

    axis = {
        "gridcolor": GRID,
        "linecolor": GRID,
        "zeroline": False,
        "automargin": True,
        "exponentformat": "none",  # 0.0001 and not 100µ
        "title": {"standoff": 8},
    }
    template = go.layout.Template(
        layout={
            "font": {"family": FONT, "color": INK, "size": 13},
            "title": {"x": 0, "xref": "paper", "font": {"size": 16}},
            "separators": ".",  # 10000 as in the tables, and not 10,000
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(COLOURS),
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"font": {"family": FONT}},
            "margin": {"l": 56, "r": 16, "t": 56, "b": 48},
        }
    )
    figure = go.Figure()
    figure.update_layout(
        template=template,
        title={"text": safe(title)},
        height=height,
        hovermode="closest",
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
    )
    figure.update_xaxes(title_text=safe(x))
    figure.update_yaxes(title_text=safe(y))
    return figure
