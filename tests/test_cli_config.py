"""`--config`: the same keys as the options, and what is written on the command line before them."""

import pytest

from json_documents import document
from keras_lr.cli import main
from keras_lr.cli.app import app


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text, name="keras-lr.toml"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def parsed(*words):
    return app.parse_args(words, exit_on_error=False, print_error=False)[1].arguments


def test_every_kind_of_value():
    write(
        "[show]\nsteps = 9\n"
        "[tune]\nmodel = 'm.keras'\ndata = 'd.npz'\nepochs = 7\nrate = [1e-3, 1]\nmomentum = 0.9\n"
        "schedule = ['none', 'cosine']\nvalidation-split = 0.1\nout = 'r.html'\njson = true\n"
        "[tune.space]\nweight_decay = '1e-5:1e-2:log'\nunits = [4, 8]\n"
    )
    found = parsed("tune", "--config", "keras-lr.toml")
    assert found["model"] == "m.keras"
    assert found["data"] == "d.npz"
    assert found["epochs"] == 7
    assert found["rate"] == (1e-3, 1.0)
    assert found["momentum"] == [0.9]
    assert found["schedule"] == ["none", "cosine"]
    assert found["validation_split"] == 0.1
    assert str(found["out"]) == "r.html"
    assert found["common"].json is True
    assert found["space"] == ["weight_decay=1e-5:1e-2:log", "units=4,8"]


def test_the_command_line_counts_first():
    write("[tune]\nmodel = 'm.keras'\ndata = 'd.npz'\nepochs = 7\ntrials = 3\n")
    found = parsed("tune", "a.keras", "b.npz", "--config=keras-lr.toml", "--epochs", "2")
    assert (found["model"], found["data"]) == ("a.keras", "b.npz")
    assert (found["epochs"], found["trials"]) == (2, 3)
    assert parsed("tune", "a.keras", "--config=keras-lr.toml")["data"] == "d.npz"


def test_a_command_runs_from_a_file_alone(capsys):
    write("[show]\nschedule = ['linear', 'cosine']\nsteps = 10\ntheory = true\njson = true\n")
    assert main(["show", "--config", "keras-lr.toml"]) == 0
    told = document(capsys.readouterr().out)
    assert [each["schedule"] for each in told["schedules"]] == ["linear()", "cosine()"]
    assert told["schedules"][0]["theory"]["rate_factor"] == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[show]\nstep = 3\n", "Did you mean 'steps'?"),
        ("[shwo]\nsteps = 3\n", "the table 'shwo', which is no command. Did you mean 'show'?"),
        ("steps = 3\n", "'steps' outside a table. Write it below [show]."),
        ("show = 3\n", "write [show] and its options below"),
        ("[show\n", "is no TOML"),
        ("[show]\ndebug = true\n", "on the command line: --debug"),
        ("[show]\nsteps = 'many'\n", "--steps takes a whole number of updates"),
        ("[show]\nsteps = 9\nbase_rate = 'high'\n", 'unable to convert "high" into float'),
        ("[show.steps]\na = 3\n", "steps takes no table of its own"),
    ],
)
def test_a_mistake_is_one_line(capsys, text, words):
    write(text)
    assert main(["show", "cosine", "--config", "keras-lr.toml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert words in line


def test_a_file_that_is_not_there(capsys):
    assert main(["show", "--config", "no.toml"]) == 2
    assert "can't be read (No such file or directory)" in capsys.readouterr().err
