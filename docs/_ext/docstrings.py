"""Docstrings with Markdown's code blocks, made ready for Sphinx.

They are written to be read in editors and notebooks too, which know Markdown, and Sphinx's docstrings
are reStructuredText.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.ext.napoleon import GoogleDocstring

ATTRIBUTES = ("attribute", "data", "property")
KEPT = "attribute docstrings"

LONG_NAME = re.compile(r"~[\w.]*?(\w+)(?![\w.])")
FENCE = re.compile(r"^(\s*)```(\w*)\s*$")


def fenced(lines: list[str]) -> list[str]:
    """The lines with each fenced block as a code-block directive.

    >>> fenced(["```python", "x = 1", "```"])
    ['.. code-block:: python', '', '   x = 1', '']
    """
    made: list[str] = []
    inside: str | None = None
    for line in lines:
        fence = FENCE.match(line)
        if fence and inside is None:
            inside = fence[1]
            made += [f"{inside}.. code-block:: {fence[2] or 'text'}", ""]
        elif fence:
            inside = None
            made.append("")
        else:
            made.append(line if inside is None or not line.strip() else f"   {line}")
    return made


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """autodoc's hook, before napoleon reads the sections."""
    lines[:] = fenced(lines)
    if what in ATTRIBUTES:
        read = GoogleDocstring(lines, app.config, app, "method", name, thing, options)
        app.env.temp_data[KEPT, name] = read.lines()
        lines[:] = ["Read."]


def restore(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """The same, after napoleon: of an attribute it takes what stands before a colon for its type."""
    if what in ATTRIBUTES:
        lines[:] = app.env.temp_data.pop((KEPT, name))


def shorten(app: Any, domain: str, kind: str, content: nodes.Element) -> None:
    """Beside a `Literal` Sphinx leaves names as they are: long, with a tilde. Their last part does."""
    for field in content.findall(nodes.field):
        for text in list(field.children[1].findall(nodes.Text)):
            if "~" in text:
                text.parent.replace(text, nodes.Text(LONG_NAME.sub(r"\1", text)))


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", process, priority=100)
    app.connect("autodoc-process-docstring", restore, priority=900)
    app.connect("object-description-transform", shorten, priority=900)
    return {"parallel_read_safe": True}
