"""The page of a report: sections as one HTML document.

Headings in order, a label on every region, a table behind every chart: what a picture shows can be
read, with a screen reader too. All text that comes from outside is escaped where it is written.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

from keras_lr.escaped import as_html
from keras_lr.watch.report.chart_table import chart_table
from keras_lr.watch.report.section import Chart, Section, Table
from keras_lr.watch.style import GRID, INK

SHORT = 60
"""Characters of a headline, if it can be: two lines on a phone."""

LONG = 100
"""Characters of one that can't."""

SENTENCE = 20
"""Characters from which on a cell holds a sentence."""

NARROW = 3
"""Columns of numbers that a phone has room for; a broader table it stacks, a cell below the other."""

MANY = 3
"""Sections from which on a page begins with links to them."""


def page(sections: Sequence[Section], *, js: str = "inline", script: str = "") -> str:
    """The whole document.

    Args:
        sections: Its parts, in order; the first of the highest weight answers for the page.
        js: As in `report`.
        script: JavaScript that runs after the page's own, e.g. one that reloads it. Our own text,
            never the user's: it is written as it is.
    """
    from keras_lr import __version__

    assets = resources.files("keras_lr.watch.report")
    lead = max(sections, key=lambda s: s.weight)
    headline, rest = split_answer(lead.answer)
    body, charts = [], 0
    for index, part in enumerate(sections):
        body.append(_section(part, index, charts, lead=part is lead))
        charts += len(part.charts)
    many = len(sections) >= MANY
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "".join(
        [
            "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>\n",
            "<meta name='color-scheme' content='light dark'>\n",
            "<link rel='icon' href='data:,'>\n",  # or a browser asks for /favicon.ico
            f"<title>{as_html(_title(headline))}</title>\n",
            f"<style>\n{assets.joinpath('page.css').read_text()}</style>\n</head>\n<body>\n",
            "<a class='skip' href='#part-0'>Skip to the results</a>\n" if many else "",
            "<main>\n<header>\n<p class='brand'>keras-lr report</p>\n",
            f"<h1>{as_html(headline)}</h1>\n",
            f"<p class='lead'>{as_html(rest)}</p>\n" if rest else "",
            "</header>\n",
            "<noscript><p class='warning'>The charts need JavaScript; the words and the tables "
            "don't.</p></noscript>\n",
            _contents(sections) if many else "",
            *body,
            f"<footer>Written by keras-lr {__version__}, {now}.</footer>\n</main>\n",
            "<p id='said' class='unseen' role='status' aria-live='polite'></p>\n" if charts else "",
            _plotly(js) if charts else "",
            f"<script data-ink='{INK}' data-grid='{GRID}'>\n",
            f"{assets.joinpath('page.js').read_text()}</script>\n",
            f"<script>\n{script}</script>\n" if script else "",
            "</body>\n</html>\n",
        ]
    )


def split_answer(answer: str) -> tuple[str, str]:
    """An answer's first words, short enough for a headline, and the rest.

    The headline is whole in itself: what stood between it and the rest is left out, but for a full
    stop.

    >>> split_answer("Use 0.1, cosine: val_loss 0.2. Or 0.2.")
    ('Use 0.1, cosine', 'val_loss 0.2. Or 0.2.')
    """
    for end, most in ((r"(?<=[:.;]) ", SHORT), (r"(?<=[:.;]) ", LONG), (r"(?<=,) ", SHORT)):
        head, *rest = re.split(end, answer, maxsplit=1)
        if len(head) <= most:
            break
    return head.rstrip(":;,") if rest else head, "".join(rest)


def _title(headline: str) -> str:
    words = headline.rstrip(":.;,")
    return f"{words if len(words) <= 90 else f'{words[:89]}…'} · keras-lr"


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(
        f"<li><a href='#part-{i}'>{as_html(part.title)}</a></li>\n"
        for i, part in enumerate(sections)
    )
    return f"<nav aria-label='On this page'>\n<ul>\n{links}</ul>\n</nav>\n"


def _section(part: Section, index: int, first: int, *, lead: bool) -> str:
    answer = "" if lead else f"<p class='answer'>{as_html(part.answer)}</p>\n"
    notes = "".join(f"<li class='warning'>{as_html(each)}</li>\n" for each in part.warnings)
    notes += "".join(f"<li>{as_html(note)}</li>\n" for note in part.notes if note)
    return "".join(
        [
            f"<section id='part-{index}' aria-labelledby='title-{index}'>\n",
            f"<h2 id='title-{index}'>{as_html(part.title)}</h2>\n{answer}",
            f"<ul class='notes'>\n{notes}</ul>\n" if notes else "",
            *(_table(table) for table in part.tables if table.open and not table.below),
            *(_chart(chart, f"chart-{first + i}") for i, chart in enumerate(part.charts)),
            _code(part.code) if part.code else "",
            *(_table(table) for table in part.tables if table.below or not table.open),
            _small(part.small),
            "</section>\n",
        ]
    )


def _small(lines: Sequence[str]) -> str:
    if not any(lines):
        return ""
    words = "".join(f"<p>{as_html(line)}</p>\n" for line in lines if line)
    return f"<details class='small'>\n<summary>How it was run</summary>\n{words}</details>\n"


def _chart(chart: Chart, name: str) -> str:
    figure = json.loads(chart.figure.to_json(), parse_float=_rounded)
    title = (figure["layout"].pop("title", {}) or {}).get("text", "")
    height = figure["layout"].get("height", 400)
    label = html.unescape(title)
    behind = chart_table(chart.figure, f"Data of “{label}”") if chart.data else None
    return (
        f"<figure aria-labelledby='{name}-title'>\n<h3 id='{name}-title'>{as_html(label)}</h3>\n"
        f"<div class='chart' id='{name}' role='img' style='height:{int(height)}px' "
        f"aria-label='{as_html(f'Chart: {label}. {chart.caption}')}'></div>\n"
        f"<script type='application/json' data-chart='{name}'>{_json(figure)}</script>\n"
        + (f"<figcaption>{as_html(chart.caption)}</figcaption>\n" if chart.caption else "")
        + ("" if behind is None else _table(behind))
        + "</figure>\n"
    )


def _rounded(text: str) -> float:
    """A number as exact as one can see, and a chart tells: seven digits, as a float32 has."""
    return float(f"{float(text):.7g}")


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _table(table: Table) -> str:
    stack = len(table.header) > NARROW or any(
        len(str(cell)) > SENTENCE for row in table.rows for cell in row
    )
    names = table.header if stack else [""] * len(table.header)
    head = "".join(f"<th scope='col'>{as_html(c)}</th>" for c in table.header)
    rows = "".join(
        f"<tr>{''.join(_cell(str(c), n) for c, n in zip(row, names, strict=False))}</tr>\n"
        for row in table.rows
    )
    label = as_html(table.title)
    hidden = "" if table.open else " class='unseen'"  # what is folded away has a summary
    body = (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{label}'>"
        f"<table{' class=stack' if stack else ''}>\n<caption{hidden}>{label}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
    if table.open:
        return body
    count = f" ({len(table.rows)})" if table.counted and len(table.rows) > 1 else ""
    return f"<details>\n<summary>{label}{count}</summary>\n{body}</details>\n"


def _cell(text: str, name: str) -> str:
    """A cell; a sentence gets room, and in a table that a phone stacks each has its column's name."""
    told = f" data-label='{as_html(name)}'" if name else ""
    long = " class=long" if len(text) > SENTENCE else ""
    return f"<td{told}{long}>{as_html(text)}</td>"


def _code(code: str) -> str:
    return (
        "<div class='code'><button type='button' class='copy'>Copy</button>"
        "<pre tabindex='0' role='region' aria-label='Code to copy'>"
        f"<code>{as_html(code)}</code></pre></div>\n"
    )


def _plotly(js: str) -> str:
    from plotly.offline import get_plotlyjs

    source = get_plotlyjs()
    if js == "inline":
        return f"<script>{source}</script>\n"
    from plotly.offline import get_plotlyjs_version

    digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
    return (
        f"<script src='https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js' "
        f"integrity='sha256-{digest}' crossorigin='anonymous' charset='utf-8'></script>\n"
    )
