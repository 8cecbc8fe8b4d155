"""Docstrings with Markdown's code blocks, made ready for Sphinx.

They are written to be read in editors and notebooks too, which know Markdown, and Sphinx's docstrings
are reStructuredText.
"""

import re
from typing import Any

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


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("autodoc-process-docstring", process, priority=100)
    return {"parallel_read_safe": True}
