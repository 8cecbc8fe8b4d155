"""Jobs, trials, models and results as plain data: what comes out is what went in."""

import dataclasses
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest

from engine_models import assert_same_curves, build, images, never
from keras_lr import rules, schedules
from keras_lr.engines import Job, TrialResult, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.portable import (
    Built,
    NotPortable,
    Packed,
    pack,
    pack_data,
    pack_result,
    read_datasets,
    unpack,
    unpack_result,
)
from keras_lr.engines.worker import files
from keras_lr.errors import InvalidInput


def travelled(packed):
    """What arrives in another process of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        files.write(Path(folder) / "it", packed)
        return files.read(Path(folder) / "it")


def job(model=build, **changes):
    x, y = images()
    return Job(model, x, y, **{"epochs": 2, "batch_size": 20, "validation_split": 0.25, **changes})


def test_a_job_trains_alike_before_and_after_its_journey():
    given = job(build, seed=3)
    cosine = schedules.parse("cosine()")
    specs = [
        TrialSpec({"momentum": 0.9}, cosine, (rules.Plateau("loss"),)),
        TrialSpec({}, arguments={"kind": "dropout", "optimizer": "adam"}),
    ]
    there, sent = unpack(travelled(pack(given, specs)))
    assert [spec.arguments for spec in sent] == [{}, {"model": 1}]
    assert_same_curves(
        FitEngine(there).run(sent, never, never), FitEngine(given).run(specs, never, never)
    )


def test_data_may_travel_apart_and_models_are_built_once():
    built = []

    def counted(width):
        built.append(width)
        return build()

    given, known = job(counted), Built()
    specs = [TrialSpec({}, arguments={"width": width}) for width in (1, 2, 1)]
    first = pack(given, specs, data=False, models=known)
    again = pack(given, specs[:1], data=False, models=known)
    assert built == [1, 2]
    small = Built(limit=0)
    pack(given, specs, data=False, models=small)
    assert built == [1, 2, 1, 2]
    pack(given, specs[1:2], data=False, models=small)
    assert built == [1, 2, 1, 2], "the last is kept"
    (spec,) = unpack(pack(given, specs[:1], data=False, models=small), pack_data(given))[1]
    assert built == [1, 2, 1, 2, 1], "there was no room for the first"
    assert spec.arguments == {}, "and it is the first still"
    data = pack_data(given)
    assert not any(array.shape == given.x.shape for array in first.arrays)
    assert data.arrays[0] is given.x
    there, (spec,) = unpack(again, travelled(data))
    np.testing.assert_array_equal(there.x, given.x)
    assert there.build_model(**spec.arguments).count_params() == build().count_params()


def test_a_result_comes_back_with_its_weights():
    sent = TrialResult(
        {"loss": [1.0, float("nan")]}, diverged=True, seconds=0.5,
        error=InvalidInput("no"), weights=[np.ones((2, 3), "float32")],
    )  # fmt: skip
    got = unpack_result(travelled(pack_result(sent)))
    assert isinstance(got.error, InvalidInput)
    assert str(got.error) == "no"
    np.testing.assert_array_equal(got.weights[0], sent.weights[0])
    assert got.history["loss"][0] == 1.0
    assert np.isnan(got.history["loss"][1])
    assert (got.diverged, got.pruned, got.seconds) == (True, False, 0.5)


def test_trials_keep_their_schedules_and_rules():
    specs = [
        TrialSpec({"learning_rate": 0.1}, schedules.parse("warmup(5%) | cosine()"), (rules.Plateau(),)),
        TrialSpec({"weight_decay": None}, schedules.as_schedule(
            keras.optimizers.schedules.PolynomialDecay(0.2, 9, 0.01)
        )),
    ]  # fmt: skip
    _, got = unpack(travelled(pack(job(), specs)))
    assert [str(spec.schedule) for spec in got] == [str(spec.schedule) for spec in specs]
    assert got[0].rules == specs[0].rules
    assert [dict(spec.settings) for spec in got] == [dict(spec.settings) for spec in specs]


class Endless(keras.utils.PyDataset):
    """Batches without a known length, or of one."""

    def __init__(self, length=None):
        super().__init__()
        self.length = length

    @property
    def num_batches(self):
        return self.length

    def __getitem__(self, index):
        x, y = images(12, seed=index)
        return x, y


def test_datasets_that_cannot_be_read_out_say_why():
    given = Job(build, Endless(), None)
    with pytest.raises(NotPortable, match="x has no known length"):
        read_datasets(given)
    with pytest.raises(NotPortable, match=r"more than the .* GiB that are read out"):
        read_datasets(dataclasses.replace(given, x=Endless(3)), limit=2000)
    with pytest.raises(NotPortable, match="ends after 3 batches"):
        read_datasets(dataclasses.replace(given, x=Endless(3), steps_per_epoch=2, epochs=2))
    found = read_datasets(
        dataclasses.replace(job(), validation_split=0.0, validation_data=Endless(2))
    )
    assert found.validation_steps == 2


class Local(keras.layers.Layer):
    """Importable: at the top level of a module."""

    def call(self, inputs):
        return inputs * 2


def twice(inputs):
    return inputs * 2


def relu(inputs):
    return inputs * 2


def test_a_model_with_branches_is_made_as_often_as_it_is_asked_for():
    def branched():
        inputs = keras.Input((8, 8, 1))
        flat = keras.layers.Flatten()(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3)(flat) + keras.ops.sin(flat[:, :3]))
        model.compile(keras.optimizers.AdamW(0.01), "mse", metrics=["mae"], loss_weights=[0.5])
        return model

    there, _ = unpack(travelled(pack(job(branched))))
    x, _ = images()
    keras.utils.set_random_seed(0)
    wanted = branched().predict(x, verbose=0)
    for _ in range(2):
        made = there.build_model()
        np.testing.assert_allclose(made.predict(x, verbose=0), wanted, rtol=1e-6)
        assert type(made.optimizer) is type(branched().optimizer)
        assert float(made.optimizer.weight_decay) == 0.004


@pytest.mark.parametrize("scale", [True, False])
def test_precision_travels(scale):
    def mixed():
        made = keras.Sequential(
            [
                keras.Input((8, 8, 1), dtype="float32"),
                keras.layers.Flatten(),
                keras.layers.Dense(3, dtype="bfloat16"),
            ]
        )
        made.compile("sgd", "mse", auto_scale_loss=scale)
        return made

    old = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        packed = travelled(pack(job(mixed)))
    finally:
        keras.config.set_dtype_policy(old)
    try:
        made = unpack(packed)[0].build_model()
        assert keras.config.dtype_policy().name == "mixed_float16", "as it was set where it began"
    finally:
        keras.config.set_dtype_policy(old)
    assert made.layers[-1].kernel.dtype == "bfloat16"
    assert hasattr(made.optimizer, "inner_optimizer") == scale


def with_layer(layer, loss="mse"):
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), layer])
    model.compile("sgd", loss)
    return model


def test_custom_objects_travel_by_import_path():
    def loss(y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)

    dense = keras.layers.Dense(3, activation=twice)
    for layer in (Local(), dense, keras.layers.Lambda(twice)):
        there, _ = unpack(travelled(pack(job(lambda layer=layer: with_layer(layer)))))
        made = there.build_model()
        assert type(made.layers[-1]) is type(layer)
    with pytest.raises(NotPortable, match="loss is defined inside a function"):
        pack(job(lambda: with_layer(keras.layers.Dense(3), loss)))
    with pytest.raises(NotPortable, match=r"relu has the name of a function of Keras"):
        pack(job(lambda: with_layer(keras.layers.Dense(3, activation=relu))))


def test_what_cannot_travel_says_why(monkeypatch):
    class Inner(keras.layers.Dense):
        pass

    lambda_layer = keras.layers.Lambda(lambda inputs: inputs * 2)
    for layer, reason in [(lambda_layer, "code doesn't travel"), (Inner(3), "Inner")]:
        with pytest.raises(NotPortable, match=reason):
            pack(job(lambda layer=layer: with_layer(layer)))
    monkeypatch.setattr(Local, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Local", Local, raising=False)
    with pytest.raises(NotPortable, match="defined in __main__"):
        pack(job(lambda: with_layer(Local())))
    step = schedules.as_schedule(lambda step: 1.0)
    with pytest.raises(NotPortable, match="a lambda is code"):
        pack(job(), [TrialSpec({}, step)])
    with pytest.raises(NotPortable, match="x is a generator"):
        pack_data(dataclasses.replace(job(), x=(n for n in range(3))))
    with pytest.raises(NotPortable, match=r"ndarray at .*'x'"):
        pack_data(dataclasses.replace(job(), x=np.array([{}, {}])))


def test_code_in_a_config_is_not_run_there():
    packed = pack(job(lambda: with_layer(keras.layers.Lambda(twice))))
    tampered = packed.value()
    inner = tampered["models"][0]["config"]["config"]["layers"][-1]["config"]
    inner["function"] = {
        "class_name": "__lambda__",
        "config": {"code": "", "defaults": None, "closure": None},
    }
    there, _ = unpack(Packed.of(tampered, "the job"))
    with pytest.raises(NotPortable, match="disallowed by"):
        there.build_model()
