"""What one trial, one storage or one name gets wrong, the rest of a study doesn't pay for."""

import keras
import numpy as np
import pytest

import keras_lr
from engine_models import build, images, never
from keras_lr.engines import Job, TrialResult, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.errors import InvalidInput
from keras_lr.tuner.owner import Owner

SPACE = {"learning_rate": keras_lr.LogUniform(1e-3, 0.1)}
ENGINES = ["fit"] + (["compiled"] if keras.backend.backend() == "jax" else [])


def tune(build_model=build, **arguments):
    x, y = images(48)
    given = {"space": SPACE, "epochs": 1, "batch_size": 16, "objective": "loss", "verbose": 0}
    return keras_lr.tune(build_model, x, y, **{**given, **arguments})


def test_a_failure_alone_in_the_last_wave_ends_no_study(monkeypatch):
    monkeypatch.setattr("keras_lr.tuner.search.wave_size", lambda *_: 2)
    built = []

    def build_model(units=3):
        built.append(units)
        if len(built) > 3:  # the probe and the first two trials
            raise ValueError("no such layer")
        return build()

    study = tune(build_model, trials=3, engine="fit")
    assert [trial.state for trial in study.trials] == ["complete", "complete", "failed"]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_structure_that_cannot_be_built_fails_alone(engine):
    def build_model(kernel=3):
        layers = [
            keras.layers.Conv2D(2, kernel),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
        model = keras.Sequential(layers)  # no Input: what doesn't fit shows with the data
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
        return model

    space = {**SPACE, "kernel": [3, 11]}
    study = tune(build_model, space=space, trials=6, engine=engine, sampler="random")
    states = {trial.params["kernel"]: trial.state for trial in study.trials}
    assert states == {3: "complete", 11: "failed"}


def test_two_names_that_make_one_file_name_keep_two_models(tmp_path):
    path = tmp_path / "study.db"
    given = {"storage": path, "trials": 2, "engine": "fit"}
    first = tune(study_name="run/1", **given)
    best = [np.array(w) for w in first.best_model().get_weights()]
    tune(lambda: build("batchnorm"), study_name="run 1", seed=5, **given)
    again = tune(study_name="run/1", **given).best_model().get_weights()
    for mine, theirs in zip(again, best, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_a_generator_and_a_model_without_input_have_a_best_model():
    x, y = images(48)

    def batches():
        while True:
            yield x[:16], y[:16]

    def build_model():
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.1), loss)
        return model

    study = keras_lr.tune(
        build_model,
        batches(),
        space=SPACE,
        epochs=1,
        steps_per_epoch=2,
        trials=2,
        objective="loss",
        verbose=0,
        engine="fit",
    )
    assert study.best_model().predict(x, verbose=0).shape == (48, 3)


def test_a_study_that_cannot_begin_leaves_nobody_at_work(monkeypatch):
    left = []
    leave = Owner.leave
    monkeypatch.setattr(Owner, "leave", lambda self: (left.append(self), leave(self)))

    def refuse(*_):
        raise InvalidInput("no GPU")

    monkeypatch.setattr("keras_lr.tuner.search.wave_size", refuse)
    with pytest.raises(InvalidInput, match="no GPU"):
        tune(trials=1, engine="fit")
    assert len(left) == 1


def test_a_storage_that_fails_is_no_trial_that_fails():
    x, y = images(48)

    def locked(*_):
        raise OSError("database is locked")

    engine = FitEngine(Job(build, x, y, batch_size=16))
    with pytest.raises(OSError, match="locked"):
        engine.run([TrialSpec({"learning_rate": 0.1})], locked, never)


def test_a_confirmation_that_fails_is_no_trial_that_diverged(monkeypatch):
    study = tune(trials=2, engine="fit")
    run = FitEngine.run

    def broken(self, specs, report, done, exchange=None):
        for index in range(len(specs)):
            done(index, TrialResult(error=OSError("no memory left")))

    monkeypatch.setattr(FitEngine, "run", broken)
    with pytest.raises(OSError, match="no memory"):
        study.confirm(top=2, seeds=1)
    monkeypatch.setattr(FitEngine, "run", run)
    found = study.confirm(top=2, seeds=1)
    assert all(not candidate.diverged for candidate in found.candidates)
