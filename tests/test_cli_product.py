"""What greets a newcomer: the overview, hints, colours, completion, reports, code that runs."""

import doctest
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import optuna
import pytest

import keras_lr
from json_documents import document
from keras_lr.cli import main
from keras_lr.cli.app import COMMANDS, app
from keras_lr.cli.hints import _MEANT
from keras_lr.tuner.storage import as_storage
from keras_lr.watch.terminal import table
from keras_lr.watch.terminal.colour import coloured


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])


def test_alone_it_shows_what_it_can_do_in_one_screen(capsys):
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for name in COMMANDS:
        assert any(line.startswith(f"  {name} ") for line in lines)
        assert f"$ {COMMANDS[name].examples[0]}" in out
    assert main(["--json"]) == 0
    assert [each["name"] for each in document(capsys.readouterr().out)["commands"]] == [*COMMANDS]


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_stand_in_the_help_and_parse(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    with open("keras-lr.toml", "w", encoding="utf-8") as file:
        file.write("[tune]\nmodel = 'm.keras'\ndata = 'd.npz'\n")
    for line in COMMANDS[name].examples:
        assert line in told
        words = shlex.split(line)
        words = words[1 : words.index("|") if "|" in words else None]
        assert app.parse_args(words, exit_on_error=False, print_error=False)[0] is not None


def test_help_is_a_word_too(capsys):
    assert main(["help", "find"]) == 0
    assert "--rates FLOAT FLOAT" in capsys.readouterr().out
    assert main(["help"]) == 0
    assert "Usage: keras-lr COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_a_narrow_terminal(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert main([name, "--help"]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 60
    for line in COMMANDS[name].examples:
        assert f" {line}" in told, "what is folded can't be copied"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["tune", "m", "d", "--lr", "1"], "Did you mean --rate?"),
        (["find", "m", "d", "--lr", "1"], "Did you mean --rates?"),
        (["tune", "m", "d", "--n-trials", "1"], "Did you mean --trials?"),
        (["tune", "m", "d", "--trails", "1"], "Did you mean --trials?"),
        (["show", "cosine", "--n-trials", "1"], "Unknown option: --n-trials. Try:"),
        (["show", "cosine"], "show needs --steps N: Updates of the weights in the whole run. Try"),
        (["tune", "m.keras"], "tune needs DATA: An .npz file"),
        (["show", "cosine", "--steps"], "--steps requires an argument"),
        (["tnue"], 'Did you mean "tune"?'),
        (["tune", "m", "d", "--method", "pbtt"], 'Did you mean "pbt"?'),
    ],
)
def test_typing_mistakes_get_a_hint(capsys, words, hint):
    assert main(words) == 2
    assert hint in capsys.readouterr().err


def test_every_hint_names_an_option_that_there_is():
    options = {
        name
        for command in COMMANDS
        for argument in app[command].assemble_argument_collection()
        for name in argument.names
    }
    assert set(_MEANT.values()) <= options
    assert not set(_MEANT) & options


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_options_and_choices(shell):
    script = app.generate_completion(prog_name="keras-lr", shell=shell)
    assert "validation-split" in script
    assert "hyperband" in script


def test_completion_installs(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    assert main(["--install-completion", "--shell", "bash"]) == 0
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("--validation-split" in path.read_text() for path in found)


@pytest.mark.parametrize(
    ("env", "terminal", "wanted"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_only_where_they_are_wanted(monkeypatch, capsys, env, terminal, wanted):
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    assert coloured() is wanted
    main([])
    assert ("\x1b[" in capsys.readouterr().out) is wanted


@pytest.mark.parametrize("width", [60, 200])
def test_tables_keep_numbers_whole_in_a_narrow_terminal(monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    path = "piecewise([2 epochs, 4 epochs, 5 epochs], values=[1.0, 1.25, 1.5625, 1.25])"
    names = ["member", "state", "val_loss", "rate began at", "rate ended at", "copies", "path"]
    row = ["3", "complete", "0.9111", "0.0197", "7.08e-07", "15", path]
    drawn = table(names, [row])
    assert max(map(len, drawn.splitlines())) <= width
    assert set(row[:-1]) <= set(drawn.split())
    assert (path in drawn) == (width == 200)
    words = table(["setting", "score"], [["0.395 without momentum, one_cycle", "92.4 ± 0.3 %"]] * 2)
    assert "one_cycle" in words


def test_a_page_may_load_its_chart_library(tmp_path):
    (tmp_path / "one.csv").write_text("epoch,loss\n0,1.0\n1,0.5\n")
    for command in (["doctor", "one.csv"], ["show", "cosine", "--steps", "10"]):
        assert main([*command, "--out", "small.html", "--js", "cdn"]) == 0
        page = (tmp_path / "small.html").read_text(encoding="utf-8")
        assert len(page) < 200_000
        assert "https://cdn.plot.ly" in page
    for name in ("find", "tune", "show", "report", "doctor"):
        function = getattr(importlib.import_module(f"keras_lr.cli.{name}"), name)
        assert "js" in inspect.signature(function).parameters


def test_a_report_of_runs(capsys, tmp_path, monkeypatch):
    (tmp_path / "one.log").write_text("epoch,loss,val_loss\n0,1.0,1.1\n1,0.5,0.7\n")
    (tmp_path / "h.json").write_text('{"loss": [2.0, 1.0], "lr": [0.1, 0.1]}')
    assert main(["report", "one.log", "h.json", "--json", "--js", "cdn"]) == 0
    told = document(capsys.readouterr().out)
    assert [each["kind"] for each in told["results"]] == ["run", "run"]
    assert told["results"][0]["last"]["val_loss"] == 0.7
    page = (tmp_path / "keras-lr-report.html").read_text(encoding="utf-8")
    assert "one.log" in page
    assert "h.json" in page
    (tmp_path / "odd.csv").write_text("epoch,score\n0,1.0\n1,0.5\n")
    assert main(["report", "odd.csv", "--js", "cdn"]) == 0, "no loss to judge"
    capsys.readouterr()
    assert main(["report", "one.log", "--out", "r.html", "--js", "cdn"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("one.log: val_loss went from 1.1 to 0.7 in 2 epochs")
    assert out.endswith("wrote r.html\n")
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["report", "one.log", "h.json", "--out", "r.html", "--js", "cdn"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("one.log came lowest: loss 0.5; h.json 1;")
    assert max(map(len, lines)) <= 60, "into a pipe too"
    head = '{"kind": "run", "version": 1, "epoch": 0, "step": 0, "epochs": 300}\n'
    (tmp_path / "cut.jsonl").write_text(
        head + '{"kind": "epoch", "epoch": 0, "step": 9, "values": {"loss": 1.0}}\n'
    )
    assert main(["report", "cut.jsonl", "--out", "r.html", "--js", "cdn"]) == 0
    assert "so far. 1 of 300 epochs." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", ["doctor", "report"])
def test_a_file_that_cant_be_read_doesnt_stop_the_others(capsys, tmp_path, command):
    (tmp_path / "h.json").write_text('{"loss": [2.0, 1.0]}')
    (tmp_path / "bad.csv").write_text("")
    words = [command, "bad.csv", "h.json", "--out", "r.html", "--js", "cdn"]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out.startswith("h.json")
    assert "h.json" in (tmp_path / "r.html").read_text()
    (line,) = err.splitlines()
    assert "bad.csv is empty" in line
    assert main([*words[:3], "no.csv", *words[3:]]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "bad.csv is empty" in line
    assert "no file or folder 'no.csv'" in line
    assert main([command, "bad.csv", "no.csv"]) == 2
    assert capsys.readouterr().out == ""


def test_the_terminal_obeys_no_file(capsys, tmp_path):
    name = "ev\x1b[31mil\x9b\u202e\udcff.json"
    (tmp_path / name).write_text('{"loss": [2.0, 1.0], "\\u001b[2Jval_loss": [2.0, 1.0]}')
    for command in ("doctor", "report"):
        for words in ([name], [name, "--json"], [f"not {name}"]):
            told = [*words, "--out", f"{name}.html", "--js", "cdn"]
            assert main([command, *told]) == (2 if "not" in words[0] else 0)
            out, err = capsys.readouterr()
            assert not set("\x1b\x9b\u202e\udcff") & set(out + err)
            if "--json" in words:
                each = next(v for k, v in document(out).items() if k in ("results", "diagnoses"))
                assert name in each[0].values()
            else:
                assert r"ev\x1b[31mil\x9b\u202e\udcff.json" in out + err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Name a file to report on"),
        (["no.csv"], "There is no file or folder 'no.csv'"),
        (["h.json", "--study-name", "a"], "--study-name is for a study's storage"),
        (["h.json", "--out", "a.pdf"], "--out names a .html file"),
        (["no.db", "--js", "inlin"], 'Did you mean "inline"?'),
    ],
)
def test_a_report_that_cannot_be_written(capsys, tmp_path, words, told):
    (tmp_path / "h.json").write_text('{"loss": [2.0, 1.0]}')
    assert main(["report", *words]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.glob("*.html"))


@pytest.fixture
def files():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save("m.keras")
    y = np.arange(48) % 3
    x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
    x[np.arange(48), y] += 1
    np.savez("d.npz", x=x, y=y)


def test_a_study_is_tuned_resumed_and_reported_and_its_code_runs(files, capsys, tmp_path):
    command = ["tune", "m.keras", "d.npz", "--trials", "2", "--momentum", "0.9"]
    command += ["--storage", "s.log", "--study-name", "rates", "--json", "--schedule", "none"]
    command += ["--engine", "fit", "--epochs"]
    assert main([*command, "1"]) == 0
    told = document(capsys.readouterr().out)
    names: dict = {}
    exec(told["code"], names)
    reached = names["model"].history.history["val_loss"][-1]
    assert reached == pytest.approx(told["best"]["value"], rel=1e-4)
    capsys.readouterr()

    assert main([*command, "1"]) == 0
    again = document(capsys.readouterr().out)
    assert again["plan"] == "nothing, since every trial was in the storage"
    assert again["best"] == told["best"]

    assert main(["report", "s.log", "--json", "--js", "cdn"]) == 0
    (study,) = document(capsys.readouterr().out)["results"]
    assert (study["name"], study["trials"], study["kind"]) == ("rates", 2, "study")
    assert f"{told['best']['value']:.3g}" in study["answer"]
    rate = float(str(np.float32(told["best"]["params"]["learning_rate"])))
    assert f"learning_rate={rate}" in (tmp_path / "keras-lr-report.html").read_text()
    assert main(["report", "s.log", "--study-name", "rate"]) == 2
    assert "Did you mean 'rates'?" in capsys.readouterr().err
    assert main([*command, "2"]) == 2
    assert "Choose another --study-name" in capsys.readouterr().err

    optuna.create_study(study_name="other", storage=as_storage("s.log"))
    capsys.readouterr()
    assert main(["report", "s.log"]) == 2
    assert "Which study? Write e.g. --study-name " in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        *(
            f"cli.{name}"
            for name in ("config", "entry", "output", "reference", "spelling", "units")
        ),
        "escaped",
        "time_left",
    ],
)
def test_examples_in_docstrings(name):
    result = doctest.testmod(importlib.import_module(f"keras_lr.{name}"))
    assert result.attempted
    assert not result.failed


def test_without_a_choice_of_backend_a_command_says_nothing_of_it(tmp_path):
    command = [sys.executable, "-m", "keras_lr"]
    env = {**os.environ, "KERAS_BACKEND": "", "KERAS_HOME": str(tmp_path)}
    env["PYTHONPATH"] = str(Path(keras_lr.__file__).parents[1])
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert run.stderr == ""
    assert re.match(r"keras-lr \d", run.stdout)
