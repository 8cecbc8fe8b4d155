import builtins

import keras
import numpy as np
import pytest

from elsewhere import predict_elsewhere
from json_documents import document
from keras_lr.cli import main
from keras_lr.demo import run
from keras_lr.demo.arms import Recipe, train
from keras_lr.demo.digits import load_digits
from keras_lr.errors import InvalidInput, MissingExtra
from keras_lr.watch.report.page import split_answer
from keras_lr.watch.report.sections import section

pytest.importorskip("sklearn", reason="the demo's digits are scikit-learn's")


def test_the_split_is_disjoint_complete_and_even():
    from sklearn.datasets import load_digits as original

    split = load_digits()
    parts = [split.train, split.validation, split.test]
    assert sum(len(x) for x, _ in parts) == 1797
    whole = np.concatenate([np.column_stack([x * 16, y]) for x, y in parts])
    expected = np.column_stack(original(return_X_y=True))

    def order(rows):
        return rows[np.lexsort(rows.T)]

    np.testing.assert_allclose(order(whole), order(expected))
    for _, y in parts:
        shares = np.bincount(y, minlength=10) / len(y)
        assert shares.min() > 0.08
        assert shares.max() < 0.12
    assert split.train[0].dtype == np.float32
    assert 0 <= split.train[0].min() <= split.train[0].max() == 1


def test_a_training_that_gives_up_is_scored_as_it_was_left():
    from keras_lr.rules import Divergence

    recipe = Recipe("wild", 1e30, rules=(Divergence(max_rollbacks=0),))
    model, accuracy, history = train(recipe, load_digits(), seed=0, epochs=2, batch_size=32)
    assert 0 <= accuracy < 0.5
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert history.epochs < 2
    assert section(history).answer.startswith(f"{history.epochs} epoch")


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's; the others take minutes"
)
@pytest.mark.deep
def test_the_whole_demo_small(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("keras_lr.demo.steps.CONFIRM_SEEDS", 1)
    arguments = ["demo", "--out", "d", "--trials", "4", "--seeds", "2", "--epochs", "3"]
    assert main([*arguments, "--engine", "compiled", "--json"]) == 0
    out, err = capsys.readouterr()
    data = document(out)
    for step in ("1/5", "2/5", "3/5", "4/5", "5/5"):
        assert step in err
    assert data["tuned"]["engine"] == "compiled"
    assert data["tuned"]["trials"] == data["best_constant"]["trials"] == 4
    assert data["best_constant"]["params"]["schedule"] == "none"
    assert [len(arm["scores"]) for arm in data["comparison"]] == [2, 2, 2, 2]
    assert data["comparison"][1]["setting"] == "0.01 without momentum, constant"
    for arm in data["comparison"]:
        assert np.mean(arm["scores"]) == pytest.approx(arm["mean"])
    page = _unescape((tmp_path / "d/report.html").read_text(encoding="utf-8"))
    assert all(part in page for part in split_answer(data["answer"]))
    assert sorted(p.name for p in (tmp_path / "d").iterdir()) == ["model.keras", "report.html"]
    # The model is plain Keras: a process without keras_lr loads it; and it is the first seed's.
    x, y = load_digits().test
    right = predict_elsewhere("d/model.keras", x).argmax(1) == y
    assert right.mean() == pytest.approx(data["comparison"][0]["scores"][0], abs=1e-6)


def _unescape(text):
    import html

    return html.unescape(text)


def test_bad_input(tmp_path, capsys):
    with pytest.raises(InvalidInput, match="at least 2 seeds"):
        run(tmp_path, seeds=1)
    (tmp_path / "file").write_text("")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 2
    assert "folder" in capsys.readouterr().err.splitlines()[-1]
    assert main(["demo", "--trials", "0"]) == 2
    assert "--trials" in capsys.readouterr().err


def test_without_scikit_learn_it_says_what_to_install(monkeypatch, capsys, tmp_path):
    real = builtins.__import__

    def without(name, *rest):
        if name.split(".")[0] == "sklearn":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra):
        load_digits()
    assert main(["demo", "--out", str(tmp_path / "d")]) == 2
    assert 'pip install "keras-lr[demo]"' in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "d").exists()
