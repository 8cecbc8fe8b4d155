"""`keras-lr tune --confirm`: the choice is told, advised, reported and saved."""

import keras
import numpy as np
import pytest

from json_documents import document
from keras_lr.cli import main
from keras_lr.engines import TrialResult
from keras_lr.engines.fit import FitEngine


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A small search, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.save("m.keras")
    y = np.arange(48) % 3
    x = np.random.default_rng(0).normal(size=(48, 4)).astype("float32")
    np.savez("d.npz", x=x, y=y)
    return ["tune", "m.keras", "d.npz", "--epochs", "1", "--storage", "s.log"]


def test_a_confirmation_is_told_and_saved(command, capsys, tmp_path):
    command += ["--trials", "3", "--confirm", "2", "--seeds", "2"]
    assert main([*command, "--json", "--save", "best.keras", "--out", "r.html"]) == 0
    told = document(capsys.readouterr().out)
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


def test_what_ends_a_confirmation_early_costs_nothing_of_the_search(
    command, capsys, tmp_path, monkeypatch
):
    ends, run = {}, FitEngine.run

    def ending(self, specs, report, done, exchange=None):
        if self.job.seed == 0:
            return run(self, specs, report, done)
        for index in range(len(specs)):
            try:
                if self.job.seed in ends:
                    raise ends[self.job.seed]
                result = TrialResult({"val_loss": [0.5]})
            except OSError as error:
                result = TrialResult(error=error)
            done(index, result)
        return []

    monkeypatch.setattr(FitEngine, "run", ending)
    command += ["--engine", "fit", "--trials", "2", "--confirm", "2", "--seeds", "2"]
    command += ["--json", "--save", "best.keras", "--out", "r.html"]
    for seed, end, code, told, confirmed in (
        (1, OSError("no memory left"), 2, "raised OSError: no memory left", None),
        (1, KeyboardInterrupt(), 130, "interrupted", None),
        (2, KeyboardInterrupt(), 130, "interrupted", [1]),
    ):
        ends.clear()
        ends[seed] = end
        assert main(command) == code
        out, err = capsys.readouterr()
        assert told in err.splitlines()[-1]
        assert ("The same command goes on from there" in err) == (code == 130)
        found = document(out)
        assert found["best"]["value"] is not None
        assert found["interrupted"] == (code == 130)
        assert (found["confirmed"] and found["confirmed"]["seeds"]) == confirmed
        for name in ("best.keras", "r.html"):
            (tmp_path / name).unlink()
