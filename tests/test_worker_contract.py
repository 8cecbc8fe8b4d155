"""The contract of engines through a JAX process: the curves of fit here, for whatever can travel."""

import importlib.util
from dataclasses import replace

import keras
import numpy as np
import pytest

from engine_contract import CASES
from engine_models import assert_same_curves, never
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.portable import NotPortable, pack
from keras_lr.engines.portable.data import is_dataset
from keras_lr.engines.worker.engine import WorkerEngine
from keras_lr.engines.worker.process import Worker

TENSORFLOW = keras.backend.backend() == "tensorflow"

pytestmark = [
    pytest.mark.skipif(
        keras.backend.backend() == "jax", reason="on JAX the compiled engine runs in this process"
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="the worker is a JAX process"
    ),
]

STAYS = {"own_train_step_averaged_weights": r"Halved.train_step is written for"}
"""Cases whose model can't travel, and why."""

DROPS = ("attention_adam", "dropout_adafactor_dataset")
"""Cases with dropout, which each backend draws in its own way: it is left out."""

ROWS = ("lstm_rmsprop", "attention_adam", "two_inputs_two_outputs_adagrad")
"""Cases with an `Embedding` under an optimizer that squares gradients. On TensorFlow a gradient has a
row for each time that a word occurs, and Keras squares these one by one, not their sum: there, these
cases are trained by SGD, for which that is the same."""

APART = 2e-4
"""Relative difference at the end that the rounding of two backends makes, in single precision."""


@pytest.fixture(scope="module")
def process():
    """One for all cases: a start takes seconds."""
    worker = Worker()
    yield worker
    worker.stop()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
@pytest.mark.deep(after=4)
def test_curves_and_weights_are_those_of_fit(process, case):
    made = case()
    job = made.made()
    # In what order arrays are shuffled is each backend's own; a dataset is read out here.
    job = replace(job, shuffle=is_dataset(job.x))
    if case.__name__ in STAYS:
        with pytest.raises(NotPortable, match=STAYS[case.__name__]):
            pack(job, made.specs)
        return
    drops, rows = case.__name__ in DROPS, case.__name__ in ROWS and TENSORFLOW
    if drops or rows:
        build = job.build_model
        job = replace(job, build_model=lambda: changed(build(), drops=drops, rows=rows))
    engine = WorkerEngine(job, fall_back=False)
    engine._worker = process
    got = engine.run(made.specs, never, lambda index, result: True)[: made.compared]
    wanted = FitEngine(job).run(made.specs[: made.compared], never, lambda index, result: True)
    late = max(made.late, APART)
    assert_same_curves(got, wanted, rtol=late, atol=late / 10)
    for one, two in zip(got, wanted, strict=True):
        losses = one.history["loss"][:2], two.history["loss"][:2]
        np.testing.assert_allclose(*losses, rtol=made.early, err_msg="early steps")
        for mine, its in zip(one.weights, two.weights, strict=True):
            np.testing.assert_allclose(mine, its, rtol=10 * late, atol=late)


def changed(model, drops, rows):
    """The model again, without dropout, or with SGD as its optimizer."""

    def zeroed(config):
        if isinstance(config, dict):
            return {
                name: 0.0 if name in ("rate", "dropout") else zeroed(value)
                for name, value in config.items()
            }
        return [zeroed(value) for value in config] if isinstance(config, list) else config

    config = keras.saving.serialize_keras_object(model)
    config = zeroed(config) if drops else config
    if rows:
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        config["compile_config"]["optimizer"] = keras.saving.serialize_keras_object(optimizer)
    return keras.saving.deserialize_keras_object(config)
