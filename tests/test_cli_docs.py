"""Every command on the page parses; those that need no files run."""

import inspect
import re
import shlex
from pathlib import Path

import pytest

from keras_lr.cli import main
from keras_lr.cli.app import app
from keras_lr.cli.tune import tune
from keras_lr.tuner.population.checks import POPULATION
from keras_lr.tuner.tune import TRIALS

PAGE = Path(__file__).parent.parent / "docs" / "command-line.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands():
    lines = "".join(BLOCK.findall(PAGE.read_text(encoding="utf-8"))).replace("\\\n", " ")
    found = [shlex.split(line, comments=True) for line in lines.splitlines()]
    return [words[: words.index("|")] if "|" in words else words for words in found]


@pytest.mark.parametrize("words", commands(), ids=lambda words: " ".join(words[1:3]))
def test_commands_parse(words):
    assert words[0] == "keras-lr"
    _, bound, ignored = app.parse_args(words[1:], exit_on_error=False, print_error=False)[:3]
    assert bound.arguments or words[1:] == ["demo"]
    assert not ignored or set(ignored) <= {"common"}


def test_the_help_names_the_tuners_defaults():
    told = inspect.getdoc(tune)
    assert f"Trials in all; {TRIALS} by default" in told
    assert f"Members of a population; {POPULATION} by default" in told


@pytest.mark.parametrize(
    "words", [w for w in commands() if w[1] == "show"], ids=lambda words: " ".join(words[2:4])
)
def test_show_runs(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words[1:]) == 0
    assert "ends at" in capsys.readouterr().out
