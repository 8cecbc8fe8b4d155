"""Every python block of the documentation runs, in order, a page at a time.

The article's page runs on all backends; the others, which show the compiled engine, on JAX.
"""

import inspect
import re
from pathlib import Path
from unittest import mock

import keras
import pytest

import keras_lr
from keras_lr import schedules, watch

ROOT = Path(__file__).parent.parent
PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    ]
    if "```python" in page.read_text()
    and page.parent.name != "examples"  # made of the scripts, which tests/test_examples.py runs
    and page.name != "ray.md"  # needs Ray: tests/on_ray/test_ray_docs.py runs it
]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EVERYWHERE = {
    "CONTRIBUTING.md",
    "article.md",
    "backends.md",
    "concepts.md",
    "keras.md",
    "layers.md",
    "peers.md",
    "rate.md",
    "rules.md",
    "schedules.md",
    "theory.md",
    "torch.md",
}


LONG = {  # many models, each compiled
    "fastai.md",
    "finding.md",
    "how-to.md",
    "layers.md",
    "population.md",
    "rate-and-momentum.md",
    "studies.md",
    "tuning.md",
}
CASES = [
    pytest.param(
        page,
        id=str(page.relative_to(ROOT)).removeprefix("docs/"),
        marks=[pytest.mark.deep(after=0)] if page.name in LONG else [],
    )
    for page in PAGES
]


@pytest.mark.parametrize("page", CASES)
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


REFERENCE = re.compile(r"^ *\.\. auto\w+:: (\S+)", re.MULTILINE)


def test_the_reference_has_everything_public():
    pages = (ROOT / "docs" / "reference").glob("*.rst")
    names = {name for page in pages for name in REFERENCE.findall(page.read_text())}
    shown = {name.rsplit(".", 1)[1] for name in names if "." in name}
    for module in (
        keras_lr,
        keras_lr.callbacks,
        keras_lr.rules,
        schedules,
        keras_lr.optimizers,
        watch,
    ):
        modules = {name for name in module.__all__ if inspect.ismodule(getattr(module, name))}
        missing = set(module.__all__) - modules - shown
        assert not missing, f"docs/reference/*.rst lack {sorted(missing)} of {module.__name__}"


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
