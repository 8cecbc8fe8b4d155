"""Every example runs, in its short form, and becomes a page of the documentation."""

import doctest
import importlib.util
import runpy
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LEAVES = {
    "article": "article.html",
    "character_model": "character_model.html",
    "resuming": "resuming/crashed/result.json",
    "transfer_learning": "transfer_learning.html",
    "tuning": "tuned.keras",
}


@pytest.mark.deep(after=0)
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_examples_run(script, tmp_path, monkeypatch):
    if keras.backend.backend() != "jax" and script.stem not in ("article", "transfer_learning"):
        pytest.skip("what it shows has tests of its own on this backend, and these take long")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXAMPLE_SIZE", "short")
    monkeypatch.setattr(sys, "argv", [str(script)])
    runpy.run_path(str(script), run_name="__main__")
    assert (tmp_path / LEAVES[script.stem]).stat().st_size > 0


def test_examples_become_pages():
    place = ROOT / "docs" / "_ext" / "examples.py"
    spec = importlib.util.spec_from_file_location("examples_to_pages", place)
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    assert doctest.testmod(pages).failed == 0
    for script in EXAMPLES:
        made = pages.page(script.read_text(encoding="utf-8"))
        assert made.startswith("# "), f"{script.name} begins with a cell of text and a heading"
        assert "# %%" not in made
        assert made.count("```") == 2 * made.count("```python")
