import html
import importlib
import sqlite3
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from elsewhere import predict_elsewhere
from json_documents import document
from keras_lr.cli import main

NETS = """
import keras, numpy

def net(compiled=True):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="tanh"),
                              keras.layers.Dense(3, activation="softmax")])
    if compiled:
        model.compile(keras.optimizers.SGD(), loss="sparse_categorical_crossentropy",
                      metrics=["accuracy"])
    return model

def adam():
    model = net()
    model.compile("adam", "sparse_categorical_crossentropy")
    return model

def raw():
    return net(compiled=False)

def boom():
    raise RuntimeError("no such\\nluck")

def text():
    return "model"

def data():
    draw = numpy.random.default_rng(0)
    y = numpy.arange(96) % 3
    x = draw.normal(size=(96, 4)).astype("float32")
    x[numpy.arange(96), y] += 1
    return x, y

def targetless():
    return {"x": data()[0]}

def weighted():
    x, y = data()
    return {"x": x, "y": y, "validation_data": (x, y), "callbacks": []}
"""


SCHEDULES = ["--schedule", "cosine", "--schedule", "none"]
DECAY = "weight_decay=1e-5:1e-2:log"


@pytest.fixture(autouse=True)
def _nets(tmp_path, monkeypatch):
    """A folder with the user's module, which every test imports anew."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.delitem(sys.modules, "cli_nets", raising=False)
    (tmp_path / "cli_nets.py").write_text(NETS)
    yield
    sys.modules.pop("cli_nets", None)


@pytest.fixture
def files(tmp_path):
    sys.path.insert(0, str(tmp_path))
    import cli_nets

    x, y = cli_nets.data()
    np.savez("d.npz", x=x, y=y, x_val=x[::2], y_val=y[::2])
    cli_nets.net().save("m.keras")
    rows = [",".join([*map(str, row), f"k{label}"]) for row, label in zip(x, y, strict=True)]
    (tmp_path / "d.csv").write_text("\n".join(["a,b,c,d,kind", *rows]))


def test_find_prints_a_rate_and_json_agrees(capsys, files, tmp_path):
    arguments = ["find", "m.keras", "d.npz", "--epochs", "20", "--seed", "1"]
    assert main([*arguments, "--out", "r.html"]) == 0
    out, err = capsys.readouterr()
    assert f"Keras on {keras.backend.backend()}" in err
    assert "Use a learning rate of" in out
    assert "keras_lr.set_learning_rate(model" in out
    assert "Use a learning rate of" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert main([*arguments, "--json"]) == 0
    data = document(capsys.readouterr().out)
    assert f"set_learning_rate(model, {data['learning_rate']:.4g})" in out
    assert len(data["rates"]) == len(data["losses"])
    assert data["report"] is None


def test_find_refuses_with_its_reason_and_exit_code_1(capsys, files):
    assert main(["find", "m.keras", "d.npz", "--rates", "1e-9", "1e-8", "--json"]) == 1
    out, err = capsys.readouterr()
    data = document(out)
    assert data["learning_rate"] is None
    assert "no rate found: " in err
    assert data["reason"] in " ".join(err.split())


def test_tune_finds_reports_and_saves(capsys, files, tmp_path):
    arguments = ["tune", "cli_nets:net", "d.csv", "--target", "kind", "--epochs", "4"]
    arguments += ["--trials", "5", "--rate", "0.01", "1", "--momentum", "0", "0.9"]
    arguments += ["--schedule", "cosine", "--schedule", "none", "--batch-size", "16"]
    arguments += ["--storage", "study.db"]
    assert main([*arguments, "--out", "r.html", "--save", "best.keras", "--json"]) == 0
    out, err = capsys.readouterr()
    data = document(out)
    assert "labels of 'kind' as codes: k0=0, k1=1, k2=2" in err
    assert "19 of 96 rows" in err
    assert len(data["trials"]) == 5
    values = [t["value"] for t in data["trials"] if t["state"] == "complete"]
    assert data["best"]["value"] == min(values)
    assert data["best"]["params"]["momentum"] in (0.0, 0.9)
    assert 0.01 <= data["best"]["params"]["learning_rate"] <= 1
    assert sorted(p.name for p in tmp_path.glob("*.keras")) == ["best.keras", "m.keras"]
    assert "Use " in (tmp_path / "r.html").read_text(encoding="utf-8")
    here = keras.saving.load_model("best.keras").predict(np.ones((2, 4)), verbose=0)
    np.testing.assert_allclose(predict_elsewhere("best.keras", np.ones((2, 4))), here, rtol=1e-5)

    assert main([a.replace("5", "6") for a in arguments]) == 0  # goes on from the storage
    out, err = capsys.readouterr()
    assert "6 of 6 trials" in err
    assert "val_loss" in out
    assert "keras.optimizers.SGD(learning_rate=" in out
    assert main(["report", "study.db", "--js", "cdn", "--json"]) == 0
    assert document(capsys.readouterr().out)["results"][0]["states"] == {"complete": 6}


def test_tune_searches_what_the_shell_names_and_races(capsys, files):
    arguments = ["tune", "cli_nets:net", "d.npz", "--epochs", "8", "--trials", "6", "--json"]
    arguments += ["--rate", "0.01", "1", "--momentum", "0.9", "--batch-size", "32"]
    arguments += ["--schedule", "cosine | warmup({warm}%)", "--space", "warm=1:20"]
    arguments += ["--rules", "none", "--rules", "Plateau('loss', patience={wait})"]
    arguments += ["--space", "wait=2,4", "--space", "weight_decay=1e-5:1e-2:log"]
    arguments += ["--space", "nesterov=true,false"]
    arguments += ["--pruner", "halving", "--horizon", "0.5", "--sampler", "random"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    data = document(out)
    assert {trial["state"] for trial in data["trials"]} == {"complete", "pruned"}
    for trial in data["trials"]:
        params = trial["params"]
        assert params["warm"] in range(1, 21)
        assert params["wait"] in (2, 4)
        assert 1e-5 <= params["weight_decay"] <= 1e-2
        assert params["nesterov"] in (True, False)
    moved = data["transferred"]
    assert (moved["short"], moved["epochs"]) == (4, 8)
    assert f"warmup({data['best']['params']['warm']}%)" in data["code"]
    assert "epochs=8" in data["code"]
    assert "trials of 4 epochs, for a training of 8" in err


def test_tune_finds_a_path_with_a_population(capsys, files):
    arguments = ["tune", "cli_nets:net", "d.npz", "--epochs", "3", "--method", "pbt"]
    arguments += [
        "--population",
        "3",
        "--interval",
        "1",
        "--rate",
        "0.01",
        "3",
        "--momentum",
        "0.9",
    ]
    arguments += ["--schedule", "constant() | cooldown(20%)", "--storage", "s.log"]
    assert main([*arguments, "--json"]) == 0
    data = document(capsys.readouterr().out)
    assert len(data["trials"]) == 3
    assert data["path"]["copies"]
    assert "cooldown(20%)" in data["path"]["schedule"]
    assert "momentum=0.9" in data["code"]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert "the population of 3 is in the storage" in told.err
    assert "schedule=" in told.out
    path = data["path"]["schedule"]
    assert f"schedule={path!r}" in data["code"]
    assert main(["report", "s.log", "--js", "cdn", "--json"]) == 0
    assert document(capsys.readouterr().out)["results"][0]["trials"] == 3
    page = html.unescape(Path("keras-lr-report.html").read_text(encoding="utf-8"))
    assert f"schedule={path!r}" in page, "its path, as code"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["find", "none.keras", "d.npz"], "There is no file none.keras"),
        (["find", "junk.keras", "d.npz"], "isn't a Keras model"),
        (["find", "model.h5", "d.npz"], "model.save('model.keras')"),
        (["find", "cli_nets.py:net", "d.npz"], "Write cli_nets:net"),
        (["find", "cli_nets:ent", "d.npz"], "Did you mean 'net'?"),
        (["find", "cli_nets:boom", "d.npz"], "cli_nets:boom() raised RuntimeError: no such luck."),
        (["find", "cli_nets:text", "d.npz"], "returned a str, not a Keras model"),
        (["find", "cli_nets:raw", "d.npz"], "isn't compiled"),
        (["tune", "cli_nets:raw", "d.npz"], "isn't compiled"),
        (["find", "m.keras", "none.npz"], "There is no file none.npz"),
        (["find", "m.keras", "wide.npz"], "its inputs have the shape (None, 4)"),
        (["find", "m.keras", "labels.npz"], "with 3 outputs labels go from 0 to 2"),
        (["tune", "m.keras", "labels.npz"], "Received: y from 0 to 8"),
        (["find", "m.keras", "onehot.npz"], "loss doesn't take y of shape (9, 7)"),
        (["find", "m.keras", "cli_nets:weighted"], "can't use 'callbacks'"),
        (["find", "m.keras", "d.npz", "--rates", "0", "1"], "--rates takes positive numbers"),
        (["find", "m.keras", "d.npz", "--rates", "1"], "--rates"),
        (["find", "m.keras", "d.npz", "--rates", "1", "0.1"], "the lowest and the highest rate"),
        (["find", "m.keras", "hot.npz"], "Give its last layer 5 units, and write y.argmax(-1)"),
        (["tune", "m.keras", "d.npz", "--study-name", "a"], "add --storage study.db"),
        (["tune", "m.keras", "d.npz", "--storage", "no/s.db"], "Received: --storage no/s.db"),
        (["find", "m.keras", "d.npz", "--seed", "-1"], "--seed must be a whole number from 0 to"),
        (["tune", "m.keras", "d.npz", "--seed", "99999999999"], "--seed must be a whole number"),
        (["demo", "--seed", "4294967296"], "--seed must be a whole number"),
        (["tune", "m.keras", "d.npz", "--momentum", "nan"], "--momentum takes numbers from 0 to 1"),
        (["find", "m.keras", "cli_nets:targetless"], "there is no y"),
        (["tune", "m.keras", "cli_nets:targetless"], "there is no y"),
        (["find", "m.keras", "d.npz", "--epochs", "0"], "--epochs takes positive numbers"),
        (["find", "m.keras", "d.npz", "--method", "rase"], 'Did you mean "race"'),
        (["find", "m.keras", "d.npz", "--schedule", "cosin"], "--schedule: Unknown schedule"),
        (["tune", "m.keras", "d.npz", "--schedule", "cosin"], "--schedule: Unknown schedule"),
        (["find", "m.keras", "d.npz", "--out", "r.txt"], "--out names a .html file"),
        (["tune", "m.keras", "d.npz", "--save", "m.h5"], "--save names a .keras file"),
        (["tune", "m.keras", "d.npz", "--rate", "1", "0.1"], "lowest and the highest"),
        (["tune", "m.keras", "d.npz", "--validation-split", "1.5"], "between 0 and 1"),
        (["tune", "m.keras", "d.npz", "--momentum", "0", "0"], "names a choice twice"),
        (["tune", "m.keras", "d.npz", "--momentum", "x"], "--momentum"),
        (["tune", "m.keras", "d.npz", "--pruner", "hyper"], 'Did you mean "hyperband"'),
        (["tune", "m.keras", "d.npz", "--horizon", "2"], "--horizon is the share"),
        (["tune", "m.keras", "d.npz", "--space", "wd"], "Write --space NAME=LOW:HIGH"),
        (["tune", "m.keras", "d.npz", "--space", "weight_decay=1:0"], "the lower first"),
        (["tune", "m.keras", "d.npz", "--space", "weight_decay=0:1:log"], "two positive numbers"),
        (["tune", "m.keras", "d.npz", "--space", "weight_decay=0:a"], "Write --space NAME="),
        (
            ["tune", "m.keras", "d.npz", "--space", "momentum=0:1"],
            "momentum is given by --momentum",
        ),
        (["tune", "m.keras", "d.npz", "--space", "wait_decay=0:1"], "'weight_decay'"),
        (["tune", "m.keras", "d.npz", "--schedule", "warmup({w}%)"], "Add e.g. --space w=1:20"),
        (["tune", "m.keras", "d.npz", "--schedule", "cosine(end={)"], "The braces don't fit"),
        (["tune", "m.keras", "d.npz", "--rules", "Plato()"], "--rules: There is no rule 'Plato'"),
        (["tune", "m.keras", "d.npz", "--objective", "val_los"], "val_loss"),
        (["tune", "cli_nets:adam", "d.npz", "--momentum", "0.9"], "Adam, takes no momentum"),
        (["tune", "m.keras", "d.npz", "--address", "a:1"], "add --engine ray"),
        (["tune", "m.keras", "d.npz", "--interval", "2"], "add --method pbt"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--trials", "8"], "write --population"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--population", "1"], "at least 2"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--interval", "20"], "below --epochs"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--epochs", "1"], "at least 2 epochs"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--pruner", "median"], "leave it out"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--horizon", "0.5"], "--horizon 0.5"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--rules", "Slope()"], "--rules Slope()"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--engine", "ray"], "in one place"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", *SCHEDULES], "one --schedule"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--momentum", "0", "0.9"], "above 0"),
        (["tune", "m.keras", "d.npz", "--method", "pbt", "--space", "units=4,8"], "on the way"),
        (
            ["tune", "m.keras", "d.npz", "--method", "pbt", "--confirm", "2", "--space", DECAY],
            "of nothing else",
        ),
        (["tune", "m.keras", "d.npz", "--method", "evolve"], '"search", "pbt"'),
        (
            ["tune", "m.keras", "d.npz", "--engine", "ray", "--address", "127.0.0.1:1"],
            "--engine ray",
        ),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(capsys, files, tmp_path, arguments, words):
    (tmp_path / "junk.keras").write_text("junk")
    np.savez("wide.npz", x=np.zeros((9, 5), "float32"), y=np.zeros(9, int))
    np.savez("labels.npz", x=np.zeros((9, 4), "float32"), y=np.arange(9))
    np.savez("onehot.npz", x=np.zeros((9, 4), "float32"), y=np.zeros((9, 7), "float32"))
    np.savez(
        "hot.npz", x=np.zeros((9, 4), "float32"), y=np.eye(5, dtype="float32")[np.arange(9) % 5]
    )
    before = sorted(tmp_path.iterdir())
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    errors = [line for line in err.splitlines() if "error" in line]
    assert len(errors) == 1
    assert [line for line in err.splitlines() if not line.startswith("  ")][-1] == errors[0]
    assert words in errors[0]
    assert "Traceback" not in err
    assert [p for p in sorted(tmp_path.iterdir()) if p.name != "__pycache__"] == [
        p for p in before if p.name != "__pycache__"
    ]


UNWRITABLE = [
    "a" * 240 + "{}",
    "d.npz/below{}",
    *(["/proc/below{}"] if Path("/proc").is_dir() else []),
]


@pytest.mark.parametrize("path", UNWRITABLE)
@pytest.mark.parametrize(
    ("command", "option", "suffix"),
    [("find", "--out", ".html"), ("tune", "--out", ".html"), ("tune", "--save", ".keras")],
)
def test_a_path_that_cannot_be_written_is_refused_before_training(
    capsys, files, tmp_path, command, option, suffix, path
):
    assert main([command, "m.keras", "d.npz", option, path.format(suffix)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert f"{option} can't be written there (" in line
    assert line.endswith(f"Received: {option} {path.format(suffix)}")


def test_looking_whether_a_path_can_be_written_leaves_nothing(tmp_path):
    from keras_lr.cli.options import check_writable

    before = sorted(tmp_path.rglob("*"))
    check_writable(tmp_path / "new/folder/r.html", "--out", ".html")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_result_is_printed_even_if_a_file_cannot_be_written(capsys, files, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    tuning = importlib.import_module("keras_lr.cli.tuned")
    monkeypatch.setattr(tuning, "save_model", full)
    arguments = ["tune", "m.keras", "d.npz", "--trials", "2", "--epochs", "1"]
    assert main([*arguments, "--save", "best.keras", "--json"]) == 1
    out, err = capsys.readouterr()
    assert document(out)["best"]["params"]["learning_rate"] > 0
    assert "error: The model couldn't be written (No space left on device)" in err.splitlines()[-1]


def test_an_error_of_the_storage_is_not_the_models(capsys, files, monkeypatch):
    def locked(*_, **__):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("keras_lr.tuner.tune", locked)
    assert main(["tune", "m.keras", "d.npz", "--storage", "s.db"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "The study's storage failed (OperationalError: database is locked)" in line
    assert line.endswith("Received: --storage s.db")


def test_a_model_saved_before_its_first_fit_loads_without_a_warning(capsys, files):
    import cli_nets

    from keras_lr.cli.model import load_model

    model = cli_nets.net()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    model.save("momentum.keras")
    assert load_model("momentum.keras").optimizer.momentum == 0.9
    assert capsys.readouterr().err == ""


def test_code_in_a_file_is_not_run(capsys, files):
    layers = [keras.Input((4,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(3)]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    model.save("lambda.keras")
    assert main(["find", "lambda.keras", "d.npz"]) == 2
    assert "give it as module:function" in capsys.readouterr().err


def test_a_subclass_of_the_users_own_is_given_as_a_function(capsys, files, tmp_path):
    (tmp_path / "cli_nets.py").write_text(NETS)
    text = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "broken.keras").write_bytes(text[: len(text) // 2])
    assert main(["find", "broken.keras", "d.npz"]) == 2
    assert "keras-lr: error" in capsys.readouterr().err


def test_a_defect_of_ours_is_not_blamed_on_the_user(files, monkeypatch):
    module = importlib.import_module("keras_lr.finder.find")
    monkeypatch.setattr(module, "Batches", None)
    with pytest.raises(TypeError, match="not callable"):
        main(["find", "m.keras", "d.npz"])
