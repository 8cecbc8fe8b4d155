import json
import subprocess
import sys
from importlib import import_module

import pytest

import keras_lr
from keras_lr.cli import main
from keras_lr.cli.app import COMMANDS
from keras_lr.cli.output import plain


def test_show_draws_schedules(capsys):
    code = main(["show", "cosine | warmup(10%)", "linear", "--steps", "200", "--base-rate", "0.1"])
    out, err = capsys.readouterr()
    assert code == 0
    assert "linear(): starts at 0.1, peaks at 0.1, ends at 0.0005" in out
    assert "cosine() | warmup(10%)" in out
    assert err == ""


def test_show_json_is_one_object_with_every_value(capsys):
    assert main(["show", "linear", "--steps", "10", "--json"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert data["schedules"][0]["schedule"] == "linear()"
    assert data["schedules"][0]["values_are"] == "factors"
    assert data["schedules"][0]["values"] == pytest.approx([1 - i / 10 for i in range(10)])
    assert err == ""


def test_show_resolves_epochs_and_writes_a_chart(capsys, tmp_path):
    path = tmp_path / "chart.html"
    arguments = ["show", "linear | warmup(2 epochs)", "--steps", "40", "--out", str(path)]
    assert main(arguments) == 2
    assert "steps of an epoch aren't known" in capsys.readouterr().err
    assert not path.exists()
    assert main([*arguments, "--steps-per-epoch", "10"]) == 0
    assert f"chart: {path}" in capsys.readouterr().out
    assert "plotly.js" in path.read_text(encoding="utf-8")


def test_show_explains_steps_and_lists_turns(capsys):
    arguments = ["show", "cosine | warmup(5%)", "--steps", "1000", "--at", "25", "--at", "60"]
    assert main([*arguments, "--base-rate", "0.1"]) == 0
    out = capsys.readouterr().out
    assert "at 50 warmup ends" in out
    assert (
        "step 25: 0.5, a rate of 0.05\n"
        "  warmup(50): × 0.5 (step 25 of 50)\n"
        "    cosine(length=950): 1 at its step 0\n"
        "step 60: "
    ) in out
    assert main([*arguments, "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["schedules"]
    assert entry["marks"] == [{"step": 50, "label": "warmup ends"}]
    explained = entry["explained"][0]
    assert (explained["step"], explained["value"]) == (25, 0.5)
    assert explained["parts"][0]["step"] == 0


def test_show_compares_a_single_schedule_with_a_constant_rate(capsys):
    assert main(["show", "linear", "--steps", "400", "--theory", "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["schedules"]
    assert entry["theory"]["tuned_for"] == "a constant rate"
    # The linear and the constant schedule's best bases (Schaipp et al., T = 400).
    assert entry["theory"]["rate_factor"] == pytest.approx(0.049563 / 0.018176, rel=1e-4)


def test_show_does_not_mix_rates_with_factors(capsys):
    assert main(["show", "cosine", "cosine | rate(0.1)", "--steps", "10", "--theory"]) == 2
    assert "Leave the `| rate(...)` out" in capsys.readouterr().err
    assert main(["show", "cosine | rate(0.1)", "--steps", "10", "--base-rate", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "peaks at 0.1" in out
    assert "--base-rate doesn't count" in out


def test_show_compares_by_theory(capsys):
    arguments = ["show", "constant | cooldown(90%)", "constant | cooldown(40%)", "constant"]
    assert main([*arguments, "--steps", "4000", "--theory"]) == 0
    out = capsys.readouterr().out
    assert "a rate tuned for constant() | cooldown(90%):" in out
    assert f"  × {1 / 1.4965:.3g} for constant() | cooldown(40%)" in out
    assert main([*arguments, "--steps", "4000", "--theory", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["schedules"]
    factors = [entry["theory"]["rate_factor"] for entry in entries]
    assert factors == pytest.approx([1.0, 1 / 1.4965, 1 / 2.8525], rel=1e-4)
    assert entries[2]["theory"]["relative_bound"] > 1.3


def test_show_resolves_samples(capsys):
    arguments = ["show", "linear | warmup(640 samples)", "--steps", "100"]
    assert main([*arguments, "--batch-size", "32"]) == 0
    assert "at 20 warmup ends" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show"], ["--steps"]),
        (["show", "cosine", "--steps", "10", "--at", "-1"], ["--at", "0 or later"]),
        (["show", "cosine", "linear * 0", "--steps", "10", "--theory"], ["nothing is learned"]),
        (["show", "cosine", "--steps", "10", "--batch-size", "0"], ["--batch-size"]),
        (["show", "--steps", "10"], ["Name a schedule"]),
        (["show", "cosin", "--steps", "10"], ["Did you mean 'cosine'?"]),
        (["show", "cosine", "--steps", "ten"], ["--steps", "ten"]),
        (["show", "cosine", "--steps", "1"], ["at least 2"]),
        (["show", "cosine", "--steps", "10", "--base-rate", "nan"], ["--base-rate", "positive"]),
        (["show", "cosine", "--steps", "10", "--steps-per-epoch", "0"], ["--steps-per-epoch"]),
        (["show", "linear | warmup(2 epochs)", "--steps", "40"], ["epoch"]),
        (["show", "cosine", "--steps", "10", "--stepz", "3"], ["--stepz"]),
        (["show", "cosine", "--steps", "10", "--out", "a.pdf"], [".html"]),
        (["shwo"], ["shwo", "show"]),
    ],
)
@pytest.mark.parametrize("json_too", [[], ["--json"]], ids=["text", "json"])
def test_a_mistake_is_one_line_and_exit_code_2(capsys, arguments, words, json_too):
    assert main([*arguments, *json_too]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("keras-lr: error: ")
    assert len(err.splitlines()) == 1
    for word in words:
        assert word in err


def test_debug_shows_the_traceback(capsys):
    assert main(["show", "cosin", "--steps", "10", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("keras-lr: error: ")


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == keras_lr.__version__
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert name in listed
    assert main(["tune", "--help"]) == 0
    assert "--validation-split" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_docstrings_say(name):
    function = getattr(import_module(f"keras_lr.cli.{name}"), name)
    assert function.__doc__.splitlines()[0] == COMMANDS[name]


def test_ctrl_c_ends_with_130(capsys, monkeypatch):
    monkeypatch.setattr("keras_lr.schedules.parse", _interrupt)
    assert main(["show", "cosine", "--steps", "10"]) == 130
    assert capsys.readouterr().err == "keras-lr: interrupted\n"


def _interrupt(_):
    raise KeyboardInterrupt


def test_what_the_library_prints_is_not_the_result(capsys, monkeypatch):
    from keras_lr.schedules import parse

    def chatty(text):
        print("chatter")
        return parse(text)

    monkeypatch.setattr("keras_lr.schedules.parse", chatty)
    assert main(["show", "linear", "--steps", "10", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["command"] == "show"
    assert err == "chatter\n"


def test_defects_keep_their_traceback(monkeypatch):
    monkeypatch.setattr("keras_lr.schedules.parse", lambda text: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["show", "linear", "--steps", "10"])


def test_json_has_no_nan():
    assert plain({"a": float("nan"), "b": [float("inf")]}) == {"a": None, "b": [None]}


def test_the_process_exits_with_the_code():
    command = [sys.executable, "-m", "keras_lr", "show", "cosin", "--steps", "10"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stdout == ""
    assert "Traceback" not in run.stderr


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m keras_lr show linear --steps 100000 --json | head -c 1"
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert run.stdout == "{"
    assert run.stderr == ""
    assert run.returncode == 0
