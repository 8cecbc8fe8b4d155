"""The scripts in examples/ as pages: a cell of text is text, a cell of code is a block.

A page links to `../examples/NAME.py`, which is right where the repository is looked at; in the site
the link leads to the page that is made of the script here.
"""

import re
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[2] / "examples"
CELL = re.compile(r"^# %%(.*)$", re.MULTILINE)


def page(script: str) -> str:
    r"""The Markdown of a script in the percent format.

    >>> print(page("# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\n"))
    # Title
    <BLANKLINE>
    Text.
    <BLANKLINE>
    ```python
    x = 1
    ```
    <BLANKLINE>
    """
    parts = CELL.split(script)[1:]  # what stands before the first cell isn't shown
    cells = []
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        if "[markdown]" in kind:
            text = re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)
            cells.append(text.replace("](../docs/", "](../"))
        elif body.strip():
            cells.append(f"```python\n{body.strip()}\n```")
    return "\n\n".join(cells) + "\n"


def write_pages(app: Any) -> None:
    """Write docs/examples, anew where a script has changed."""
    folder = Path(app.srcdir) / "examples"
    folder.mkdir(exist_ok=True)
    scripts = sorted(SCRIPTS.glob("*.py"))
    for old in set(folder.glob("*.md")) - {folder / f"{script.stem}.md" for script in scripts}:
        old.unlink()
    for script in scripts:
        made = page(script.read_text(encoding="utf-8"))
        made += f"\nThe script: {{download}}`{script.name} <../../examples/{script.name}>`.\n"
        target = folder / f"{script.stem}.md"
        if not target.exists() or target.read_text(encoding="utf-8") != made:
            target.write_text(made, encoding="utf-8")


def link(app: Any, name: str, source: list[str]) -> None:
    """Lead a page's links to scripts to their pages."""
    source[0] = re.sub(
        r"\]\(((?:\.\./)*)\.\./examples/(\w+)\.py\)", r"](\1examples/\2.md)", source[0]
    )


def setup(app: Any) -> dict[str, bool]:
    """Sphinx calls this."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", link)
    return {"parallel_read_safe": True}
