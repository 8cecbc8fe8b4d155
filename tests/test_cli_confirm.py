"""`keras-lr tune --confirm`: the choice is told, advised, reported and saved."""

import json

import keras
import numpy as np

from keras_lr.cli import main


def test_a_confirmation_is_told_and_saved(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save("m.keras")
    y = np.arange(48) % 3
    x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
    np.savez("d.npz", x=x, y=y)
    command = ["tune", "m.keras", "d.npz", "--epochs", "1", "--trials", "3"]
    command += ["--storage", "s.log", "--confirm", "2", "--seeds", "2"]
    assert main([*command, "--json", "--save", "best.keras", "--out", "r.html"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = told["confirmed"]
    assert found["seeds"] == [1, 2]
    assert [len(trial["values"]) for trial in found["trials"]] == [2, 2]
    assert found["choice"] == found["trials"][0]["number"]
    chosen = told["trials"][found["choice"]]["params"]["learning_rate"]
    assert f"learning_rate={float(str(np.float32(chosen)))}" in told["code"]
    saved = keras.saving.load_model("best.keras")
    assert float(saved.optimizer.learning_rate) == np.float32(chosen)
    assert "Confirmed with other seeds" in (tmp_path / "r.html").read_text()
    assert main(command) == 0
    assert "over 2 other seeds" in capsys.readouterr().out
    assert main([*command[:-4], "--confirm", "-1"]) == 2
    assert "--confirm is a number of trials" in capsys.readouterr().err
