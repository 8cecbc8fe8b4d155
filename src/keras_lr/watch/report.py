"""The report: one HTML file that opens offline, on a phone and on paper, light and dark."""

import base64
import contextlib
import hashlib
import html
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from keras_lr.errors import InvalidInput
from keras_lr.watch.section import Chart, Section, Table


def report(
    result: Any, path: str | os.PathLike[str], *, js: Literal["inline", "cdn"] = "inline"
) -> Path:
    """Write what was found to one HTML file: the answer in words, charts, code to copy.

    Args:
        result: A `Finding`, `Study`, `Comparison`, `keras_lr.watch.Run`, what `fit` returned, a
            schedule, or a list of those (the most telling of them answers for the page).
        path: The file to write; its folder is created when missing. The file appears whole or
            not at all.
        js: `"inline"` holds the chart library in the file (about 5 MB, opens offline); `"cdn"`
            loads it from plotly's server (a small file, its hash checked).

    Returns:
        The path that was written.

    Raises:
        InvalidInput: A result that can't be drawn, an unknown `js`, or a path that can't be written.
    """
    if js not in ("inline", "cdn"):
        raise InvalidInput(f'Write js="inline" (opens offline) or js="cdn". Received: js={js!r}.')
    results = list(result) if isinstance(result, list | tuple) else [result]
    if not results:
        raise InvalidInput("There is nothing to report. Received: an empty list.")
    from keras_lr.watch.sections import section

    return write_atomically(path, page([section(r) for r in results], js=js))


def write_atomically(path: str | os.PathLike[str], text: str) -> Path:
    """Write beside the file, then rename: a reader never sees half a report."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise InvalidInput(
            f"The report can't be written there ({error.strerror or error}). "
            f"Write the path of a file in a folder you may write to. Received: {str(path)!r}."
        ) from error
    return target


def page(sections: Sequence[Section], *, js: str = "inline", script: str = "") -> str:
    """The whole document.

    Args:
        sections: Its parts, in order; the first of the highest weight answers for the page.
        js: As in `report`.
        script: JavaScript that runs after the page's own, e.g. one that reloads it. Our own text,
            never the user's: it is written as it is.
    """
    from keras_lr import __version__

    assets = resources.files("keras_lr.watch")
    lead = max(sections, key=lambda s: s.weight)
    body, count = [], 0
    for part in sections:
        body.append(_section(part, count, lead=part is lead))
        count += len(part.charts)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return "".join(
        [
            "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>\n",
            "<meta name='color-scheme' content='light dark'>\n",
            "<link rel='icon' href='data:,'>\n",  # or a browser asks for /favicon.ico
            f"<title>{html.escape(_title(lead))}</title>\n",
            f"<style>\n{assets.joinpath('page.css').read_text()}</style>\n</head>\n<body>\n<main>\n",
            f"<header>\n<p class='brand'>keras-lr report</p>\n<h1>{html.escape(lead.answer)}</h1>\n",
            "</header>\n",
            "<noscript><p class='warning'>The charts need JavaScript; the words and the tables "
            "don't.</p></noscript>\n",
            *body,
            f"<footer>Written by keras-lr {__version__}, {now}.</footer>\n</main>\n",
            _plotly(js) if count else "",
            f"<script>\n{assets.joinpath('page.js').read_text()}</script>\n",
            f"<script>\n{script}</script>\n" if script else "",
            "</body>\n</html>\n",
        ]
    )


def _title(lead: Section) -> str:
    answer = lead.answer if len(lead.answer) <= 90 else f"{lead.answer[:89]}…"
    return f"{answer} · keras-lr"


def _section(part: Section, first: int, *, lead: bool) -> str:
    answer = "" if lead else f"<p class='answer'>{html.escape(part.answer)}</p>\n"
    notes = "".join(f"<li{_warns(note)}>{html.escape(note)}</li>\n" for note in part.notes if note)
    return "".join(
        [
            f"<section>\n<h2>{html.escape(part.title)}</h2>\n{answer}",
            f"<ul class='notes'>\n{notes}</ul>\n" if notes else "",
            *(_table(table) for table in part.tables if table.open),
            *(_chart(chart, f"chart-{first + i}") for i, chart in enumerate(part.charts)),
            _code(part.code) if part.code else "",
            *(_table(table) for table in part.tables if not table.open),
            "</section>\n",
        ]
    )


def _warns(note: str) -> str:
    return " class='warning'" if "edge of the range" in note else ""


def _chart(chart: Chart, name: str) -> str:
    figure = json.loads(chart.figure.to_json())
    title = (figure["layout"].pop("title", {}) or {}).get("text", "")
    height = figure["layout"].get("height", 400)
    label = html.unescape(title)
    return (
        f"<figure>\n<h3>{html.escape(label)}</h3>\n"
        f"<div class='chart' id='{name}' role='img' style='height:{int(height)}px' "
        f"aria-label='{html.escape(f'Chart: {label}. {chart.caption}', quote=True)}'></div>\n"
        f"<script type='application/json' data-chart='{name}'>{_json(figure)}</script>\n"
        + (f"<figcaption>{html.escape(chart.caption)}</figcaption>\n" if chart.caption else "")
        + "</figure>\n"
    )


def _json(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can end the element."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _table(table: Table) -> str:
    head = "".join(f"<th scope='col'>{html.escape(str(c))}</th>" for c in table.header)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>\n"
        for row in table.rows
    )
    body = (
        f"<div class='scroll' tabindex='0' role='region' aria-label='{html.escape(table.title, quote=True)}'>"
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n"
    )
    if table.open:
        return body
    return f"<details>\n<summary>{html.escape(table.title)} ({len(table.rows)})</summary>\n{body}</details>\n"


def _code(code: str) -> str:
    return (
        "<div class='code'><button type='button' class='copy'>Copy</button>"
        f"<pre><code>{html.escape(code)}</code></pre></div>\n"
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
