"""Trials on a share of the epochs: compressed schedules, and the rate for the whole training."""

import keras
import numpy as np
import pytest

import keras_lr
from engine_models import build, images
from keras_lr import schedules, tune
from keras_lr.errors import InvalidInput
from keras_lr.tuner.horizon import shortened

X, Y = images(64)


def small(**changes):
    arguments = {"epochs": 8, "trials": 2, "batch_size": 16, "validation_split": 0.25}
    arguments |= {"verbose": 0, "horizon": 0.25, **changes}
    return tune(arguments.pop("build_model", build), X, Y, **arguments)


def test_trials_run_a_share_with_compressed_schedules_and_the_rate_is_transferred(capsys):
    space = {"learning_rate": [0.1, 0.2], "schedule": "linear() | warmup(8)"}
    study = small(space=space, verbose=1)
    assert "trials of 2 epochs, for a training of 8" in capsys.readouterr().err
    assert all(len(trial.history["loss"]) == 2 for trial in study.trials)
    # 3 batches an epoch: 6 steps in the place of 24, and a warmup of 2 in the place of 8.
    rates = {
        trial.params["learning_rate"]: trial.history["learning_rate"] for trial in study.trials
    }
    compressed = schedules.as_schedule("linear() | warmup(2)").resolve(steps=6)
    np.testing.assert_allclose(rates[0.1], [0.1 * compressed(2), 0.1 * compressed(5)], rtol=1e-6)
    found = study.transferred
    whole = schedules.as_schedule("linear() | warmup(8)").resolve(steps=24)
    factor = schedules.transfer_rate(compressed, whole)
    assert 0.4 < factor < 0.6
    assert (found.short, found.epochs) == (2, 8)
    assert found.found == study.best.params["learning_rate"]
    assert found.learning_rate == pytest.approx(found.found * factor)
    assert f"{found.found:.3g} was best over 2 epochs; for 8" in str(found)
    code = study.code()
    assert f"learning_rate={float(str(np.float32(found.learning_rate)))}" in code
    assert "epochs=8" in code
    assert "schedule='linear() | warmup(8)'" in code
    model = study.best_model()
    value, _ = model.evaluate(X[48:], Y[48:], batch_size=16, verbose=0)
    assert value == pytest.approx(study.best.value, rel=1e-5), "the model is the trial's"


def test_without_a_horizon_nothing_is_transferred():
    study = small(space={"learning_rate": [0.1, 0.2]}, epochs=1, horizon=1)
    assert study.transferred is None


@pytest.mark.parametrize("horizon", [0, -1, 1.5, "0.5", True, float("nan")])
def test_what_is_no_share_is_refused(horizon):
    with pytest.raises(InvalidInput, match="above 0 and at most 1"):
        shortened(10, horizon)


def following():
    decay = keras.optimizers.schedules.CosineDecay(0.1, 24)
    model = build()
    model.compile(keras.optimizers.SGD(decay), model.loss)
    return model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"schedule": lambda step: 0.5}}, "can't be compressed.*lambda step"),
        ({"build_model": following, "space": {"momentum": [0.0, 0.9]}}, "Give the optimizer a number"),
        ({"method": "pbt", "trials": None, "space": {"learning_rate": keras_lr.Uniform(0.1, 1)}},
         "Leave horizon out"),
    ],
)  # fmt: skip
def test_what_cannot_be_compressed_is_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        small(**change)
