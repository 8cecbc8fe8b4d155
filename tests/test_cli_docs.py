"""Every command on the page parses; those that need no files run."""

import inspect
import re
import shlex
from pathlib import Path
from typing import get_type_hints

import pytest

from keras_lr.cli import main
from keras_lr.cli.app import app
from keras_lr.cli.documents import DOCUMENTS
from keras_lr.cli.tune import tune
from keras_lr.tuner.population.checks import POPULATION
from keras_lr.tuner.tune import TRIALS

PAGE = Path(__file__).parent.parent / "docs" / "command-line.md"
TOML = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands():
    lines = "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8"))).replace("\\\n", " ")
    found = [shlex.split(line, comments=True) for line in lines.splitlines()]
    ends = [next((i for i, w in enumerate(words) if w in ("|", ">")), None) for words in found]
    return [words[:end] for words, end in zip(found, ends, strict=True)]


@pytest.fixture(autouse=True)
def _config(tmp_path, monkeypatch):
    """The page's configuration file."""
    monkeypatch.chdir(tmp_path)
    (text,) = TOML.findall(PAGE.read_text(encoding="utf-8"))
    (tmp_path / "keras-lr.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[1:3]))
def test_commands_parse(words):
    assert words[0] == "keras-lr"
    _, bound, ignored = app.parse_args(words[1:], exit_on_error=False, print_error=False)[:3]
    assert bound.arguments or words[1:] == ["demo"]
    assert not ignored or set(ignored) <= {"common"}


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_page_names_every_key_of_the_json(command):
    rows = re.findall(r"^\| (\S.*?) \| (`command`.*) \|$", PAGE.read_text(), re.MULTILINE)
    named = dict(rows)["*(none)*" if command is None else f"`{command}`"]
    keys = get_type_hints(DOCUMENTS[command])
    assert re.findall(r"`(\w+)`(?! ?\))", named.replace("(`null`)", "")) == list(keys)


def test_the_help_names_the_tuners_defaults():
    told = inspect.getdoc(tune)
    assert f"Trials in all; {TRIALS} by default" in told
    assert f"Members of a population; {POPULATION} by default" in told


@pytest.mark.parametrize(
    "words", [w for w in commands() if w[1] == "show"], ids=lambda words: " ".join(words[2:4])
)
def test_show_runs(words, capsys):
    assert main(words[1:]) == 0
    assert "ends at" in capsys.readouterr().out
