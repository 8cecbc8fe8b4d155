import os
import subprocess
import sys
from importlib import import_module

import pytest

import keras_lr
from json_documents import document
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
    data = document(out)
    assert data["schedules"][0]["schedule"] == "linear()"
    assert data["schedules"][0]["values_are"] == "factors"
    assert data["schedules"][0]["values"] == pytest.approx([1 - i / 10 for i in range(10)])
    assert err == ""


def test_show_resolves_epochs_and_writes_a_chart(capsys, tmp_path):
    path = tmp_path / "new" / "chart.html"
    arguments = ["show", "linear | warmup(2 epochs)", "--steps", "40", "--out", str(path)]
    assert main(arguments) == 2
    assert capsys.readouterr().err == (
        "keras-lr: error: length='2 epochs' needs the steps of an epoch: "
        "add e.g. --steps-per-epoch 100.\n"
    )
    assert not path.exists()
    assert main([*arguments, "--steps-per-epoch", "10"]) == 0
    assert f"wrote {path} (and made the folder {path.parent})\n" in capsys.readouterr().out
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
    (entry,) = document(capsys.readouterr().out)["schedules"]
    assert entry["marks"] == [{"step": 50, "label": "warmup ends"}]
    explained = entry["explained"][0]
    assert (explained["step"], explained["value"]) == (25, 0.5)
    assert explained["parts"][0]["step"] == 0


def test_show_compares_a_single_schedule_with_a_constant_rate(capsys):
    assert main(["show", "linear", "--steps", "400", "--theory", "--json"]) == 0
    (entry,) = document(capsys.readouterr().out)["schedules"]
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
    assert "if the rate was tuned for constant() | cooldown(90%):" in out
    factor = 1 / 1.4965
    assert f"  multiply it by {factor:.3g} for constant() | cooldown(40%);" in out
    assert main([*arguments, "--steps", "4000", "--theory", "--base-rate", "0.1"]) == 0
    moved = f"for constant() | cooldown(40%) (0.1 -> {0.1 * factor:.3g});\n"
    assert f"{moved}    its bound on the last loss is " in capsys.readouterr().out
    assert main([*arguments, "--steps", "4000", "--theory", "--json"]) == 0
    entries = document(capsys.readouterr().out)["schedules"]
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
        (["show", "cosine", "--steps", "ten"], ["a whole number", "--steps ten"]),
        (["show", "cosine", "--steps", "3 epochs"], ["times the steps of one", "--steps 3 epochs"]),
        (["show", "cosine", "--steps", "2.5"], ["a whole number", "--steps 2.5"]),
        (["show", "cosine", "--steps", "10", "--at", "soon"], ["--at takes", "--at soon"]),
        (
            ["show", "cosine", "--steps", "10", "--at", "1 epoch"],
            ["add e.g. --steps-per-epoch 100"],
        ),
        (
            ["show", "linear * 1", "linear | warmup(9 samples)", "--steps", "40"],
            ["--batch-size 32"],
        ),
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
    assert len([line for line in err.splitlines() if not line.startswith("  ")]) == 1
    for word in words:
        assert word in err


def test_debug_shows_the_traceback(capsys):
    assert main(["show", "cosin", "--steps", "10", "--debug"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "\nkeras-lr: error: " in err


def test_a_text_that_cannot_be_read_is_pointed_into(capsys):
    assert main(["show", "cosine", "linear | warmpu(5%)", "--steps", "1000"]) == 2
    assert capsys.readouterr().err == (
        "keras-lr: error: Unknown schedule 'warmpu'. Did you mean 'warmup'?\n"
        "  linear | warmpu(5%)\n"
        "           ^\n"
    )


def test_of_a_long_text_the_place_is_shown(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for before, after in [(0, 30), (30, 30), (30, 0), (2, 2)]:
        text = "cosine * " * before + "linaer" + " * cosine" * after
        assert main(["show", text, "--steps", "10"]) == 2
        _, shown, pointer = capsys.readouterr().err.splitlines()
        assert max(len(shown), len(pointer)) <= 80
        assert shown[pointer.index("^") :].startswith("linaer")
        assert ("…" in shown[:6]) == (before == 30)


def test_lengths_are_steps_epochs_shares_or_samples(capsys):
    arguments = ["show", "linear", "--steps", "1e3", "--steps-per-epoch", "100"]
    arguments += ["--batch-size", "32", "--json"]
    at = ["250", "5%", "3 epochs", "640 samples", "0"]
    assert main([*arguments, *(word for text in at for word in ("--at", text))]) == 0
    data = document(capsys.readouterr().out)
    assert data["run"]["steps"] == 1000
    assert [each["step"] for each in data["schedules"][0]["explained"]] == [250, 50, 300, 20, 0]


def test_show_warns_as_fit_does(capsys):
    text = "cosine | repeat(10%, stretch=2, decay=0.8)"
    assert main(["show", "linear", text, "--steps", "1000"]) == 0
    warnings = [x for x in capsys.readouterr().out.splitlines() if x.startswith("Warning: ")]
    assert len(warnings) == 1
    assert "cut off 500 steps early, at a factor of 0.355 instead of 0" in warnings[0]
    assert main(["show", "linear", text, "--steps", "1000", "--json"]) == 0
    found = [each["warning"] for each in document(capsys.readouterr().out)["schedules"]]
    assert found == [None, warnings[0].removeprefix("Warning: ")]


def test_a_bound_that_says_nothing_is_told(capsys):
    # A last rate of 1e-315: the bound overflows.
    useless = " * ".join(["piecewise([99], [1, 1e-30])"] * 10 + ["piecewise([99], [1, 1e-15])"])
    run = ["--steps", "100", "--theory"]
    assert main(["show", "linear", useless, *run]) == 0
    assert "its bound on the last loss says nothing" in capsys.readouterr().out
    assert main(["show", useless, "linear", *run]) == 2
    assert "The bound says nothing of" in capsys.readouterr().err


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == keras_lr.__version__
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert name in listed
    assert main(["tune", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--validation-split" in told
    assert "--method pbt --interval 5" in told, "examples stand at its end"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_docstrings_say(name):
    function = getattr(import_module(f"keras_lr.cli.{name}"), name)
    assert function.__doc__.splitlines()[0] == COMMANDS[name].help


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
    assert document(out)["command"] == "show"
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full disk to write to")
@pytest.mark.parametrize(
    ("path", "told"), [(None, "no stdout"), ("/dev/full", "can't be printed (No space left")]
)
def test_a_stdout_that_takes_nothing_is_told_in_a_line(capsys, monkeypatch, path, told):
    stdout = path and open(path, "w")  # noqa: SIM115 - closed below, when it leads elsewhere
    monkeypatch.setattr(sys, "stdout", stdout)
    assert main(["show", "cosine", "--steps", "10"]) == 1
    if stdout:
        stdout.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m keras_lr show linear --steps 100000 --json | head -c 1"
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert run.stdout == "{"
    assert run.stderr == ""
    assert run.returncode == 0
