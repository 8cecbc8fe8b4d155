"""Settings that are inputs of one program: trials that differ in them never compile again."""

import keras
import numpy as np
import pytest

from engine_models import CLASSES, assert_same_curves, images, never
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="the compiled engine is JAX's"
)
SLOW = {"learning_rate": 0.01}
MUONS = ("adam_beta_1", "adam_beta_2", "adam_weight_decay", "adam_lr_ratio")
CASES = {
    "clipnorm": (keras.optimizers.SGD, [{"clipnorm": 0.1}, {"clipnorm": 1e6}]),
    "global_clipnorm": (keras.optimizers.Adam, [{"global_clipnorm": 0.01}, {"global_clipnorm": 9}]),
    "clipvalue": (keras.optimizers.SGD, [{"clipvalue": 1e-3}, {"clipvalue": 10.0}]),
    "muon": (
        keras.optimizers.Muon,
        [
            {
                "momentum": 0.0,
                "weight_decay": 0.01,
                "rms_rate": 0.2,
                "muon_a": 3.4,
                **dict.fromkeys(MUONS, 0.9),
            },
            {
                "momentum": 0.95,
                "weight_decay": 0.3,
                "rms_rate": 0.1,
                "muon_a": 3.0,
                **dict.fromkeys(MUONS, 0.5),
            },
        ],
    ),
    "ftrl": (
        keras.optimizers.Ftrl,
        [
            {"l2_regularization_strength": 0.0, "beta": 0.0},
            {"l2_regularization_strength": 0.1, "beta": 1.0},
        ],
    ),
    "smoothing": (keras.optimizers.SGD, [{"label_smoothing": 0.0}, {"label_smoothing": 0.3}]),
}


def smooth(optimizer):
    """A classifier whose loss takes label smoothing, by its name."""
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(CLASSES)]
    )
    model.add(layers.Softmax())
    model.compile(optimizer(0.01), loss="categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("case", CASES)
@pytest.mark.deep(after=1)
def test_settings_are_inputs_and_compute_what_fit_computes(case):
    from keras_lr.engines.compiled.engine import CompiledEngine

    optimizer, settings = CASES[case]
    x, y = images(48)
    y = np.eye(CLASSES, dtype="float32")[y]
    job = Job(lambda: smooth(optimizer), x, y, epochs=2, batch_size=12, validation_split=0.25)
    specs = [TrialSpec({**SLOW, **values}) for values in settings]
    engine = CompiledEngine(job, fall_back=False)
    got = engine.run(specs, never, never)
    assert len(engine._groups.entries) == 1, "one program"
    assert_same_curves(got, FitEngine(job).run(specs, never, never))
    assert got[0].history["loss"] != got[1].history["loss"], "the setting has to matter"


def test_a_setting_of_zero_or_none_that_means_another_rule_is_a_program_of_its_own():
    from keras_lr.engines.compiled.settings import split

    optimizer = keras.optimizers.SGD(0.1)
    for none in (None, 0, 0.0):
        assert split(optimizer, {"clipnorm": none}) == ({}, {"clipnorm": none})
    assert split(optimizer, {"clipnorm": 1}) == ({"clipnorm": 1}, {})
    assert split(keras.optimizers.Muon(0.1), {"momentum": 0.0}) == ({"momentum": 0.0}, {})
    assert split(optimizer, {"nesterov": True, "batch_size": 8})[0] == {}


@pytest.mark.deep
def test_a_batch_size_is_a_program_of_its_own_and_the_batches_are_those_of_fit():
    from keras_lr.engines.compiled.engine import CompiledEngine

    x, y = images(40)
    y = np.eye(CLASSES, dtype="float32")[y]
    job = Job(lambda: smooth(keras.optimizers.SGD), x, y, epochs=2, batch_size=20)
    specs = [
        TrialSpec({"learning_rate": 0.1, "batch_size": 8}),
        TrialSpec({"learning_rate": 0.1, "batch_size": 16}),
        TrialSpec({"learning_rate": 0.01, "batch_size": 16}),
    ]
    engine = CompiledEngine(job, fall_back=False)
    got = engine.run(specs, never, never)
    assert len(engine._groups.entries) == 2
    assert_same_curves(got, FitEngine(job).run(specs, never, never))
