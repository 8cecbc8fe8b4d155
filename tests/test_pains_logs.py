"""What hurts about logs and precision: what Keras does, then what happens here. A test a row of
docs/keras.md."""

import csv

import keras
import numpy as np
import pytest

from helpers import ones, unit_gradient
from keras_lr import schedules
from keras_lr.callbacks import LearningRate, LearningRateMonitor

X, Y = ones(4)


def fit(optimizer, *callbacks, **arguments):
    model = unit_gradient(optimizer)
    fit = {"batch_size": 2, "epochs": 2, "verbose": 0, "callbacks": list(callbacks), **arguments}
    return model.fit(X, Y, **fit).history


@pytest.mark.parametrize("ours", [LearningRate, LearningRateMonitor])
def test_history_has_the_rate(ours):
    """History has the rate only with Keras's scheduler or plateau callback."""
    assert list(fit(keras.optimizers.SGD(0.5))) == ["loss"]
    np.testing.assert_allclose(fit(keras.optimizers.SGD(0.5), ours())["learning_rate"], 0.5)


def columns(path):
    with open(path) as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_csv_logger(tmp_path):
    """`CSVLogger`: no rate if it is listed before; otherwise an empty `val_learning_rate` too."""
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    control = LearningRate(schedules.Linear(1.0, 0.0))
    with pytest.warns(UserWarning, match=r"CSVLogger is listed before.*Write callbacks=\["):
        fit(keras.optimizers.SGD(0.5), log, control)
    assert "learning_rate" not in columns(tmp_path / "log.csv")
    history = fit(keras.optimizers.SGD(0.5), control, log)
    found = columns(tmp_path / "log.csv")
    np.testing.assert_allclose(
        [float(value) for value in found["learning_rate"]], history["learning_rate"]
    )
    assert found["val_learning_rate"] == ["NA", "NA"]  # Keras's own, also `val_loss`
    fit(keras.optimizers.SGD(0.5), control, log, validation_data=(X, Y))
    assert set(columns(tmp_path / "log.csv")) == {"epoch", "loss", "val_loss", "learning_rate"}


@pytest.fixture
def half_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    yield
    keras.config.set_dtype_policy(before)


def test_a_rate_that_float16_does_not_have(half_precision):
    """`float16` policy with a rate of 1e-8: reported as 1e-8, applied as 0."""

    def trained(rate, *callbacks):
        model = unit_gradient(keras.optimizers.SGD(rate, momentum=0.9))
        model.fit(X, 1e3 * Y, batch_size=2, epochs=20, verbose=0, callbacks=list(callbacks))
        return float(keras.ops.convert_to_numpy(model.trainable_variables[0])[0, 0])

    assert trained(1e-8) == 0.0
    with pytest.warns(UserWarning, match=r"float16, in which a rate of 1e-08 is 0.*mixed_float16"):
        trained(1e-8, LearningRate())
    with pytest.warns(UserWarning, match="in which a rate of 1e-08 is 0"):
        trained(1e-4, LearningRate(schedules.Constant(1e-4)))
    assert trained(1e-3, LearningRate()) != 0.0  # and no warning
