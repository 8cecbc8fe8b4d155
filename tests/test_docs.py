"""Every python block of the documentation runs, in order, a page at a time.

The article's page runs on all backends; the others, which show the compiled engine, on JAX.
"""

import re
from pathlib import Path
from unittest import mock

import keras
import pytest

from keras_lr import schedules

ROOT = Path(__file__).parent.parent
PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if "```python" in page.read_text()
    and page.name != "ray.md"  # needs Ray: tests/on_ray/test_ray_docs.py runs it
]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EVERYWHERE = {
    "CONTRIBUTING.md",
    "article.md",
    "backends.md",
    "keras.md",
    "layers.md",
    "peers.md",
    "rate.md",
    "rules.md",
    "schedules.md",
    "theory.md",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_run(page, tmp_path, monkeypatch):
    if keras.backend.backend() != "jax" and page.name not in EVERYWHERE:
        pytest.skip("this page shows the compiled engine, which is JAX's")
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    namespace = {"__name__": page.stem}
    with mock.patch.dict(schedules.SCHEDULES):  # a page may show how to register one
        for match in BLOCK.finditer(text):
            line = text[: match.start(1)].count("\n")
            code = compile("\n" * line + match[1], str(page), "exec")
            exec(code, namespace)


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
