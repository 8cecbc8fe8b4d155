"""Batch size and label smoothing in a space: settings of a trial that aren't the optimizer's."""

import keras
import numpy as np
import pytest

from engine_models import build, images
from keras_lr import LogIntegers, Uniform, tune
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.models import make_model
from keras_lr.errors import InvalidInput

X, Y = images(64)
HOT = np.eye(3, dtype="float32")[Y]
ENGINES = ["compiled", "fit"] if keras.backend.backend() == "jax" else ["fit"]
ONE_LOSS = keras.losses.CategoricalCrossentropy(from_logits=True)


def smoothing(loss=ONE_LOSS):
    model = build()
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model


def small(engine="auto", **changes):
    arguments = {"epochs": 2, "trials": 2, "batch_size": 16, "validation_split": 0.25}
    arguments |= {"verbose": 0, "sampler": "random", "engine": engine, **changes}
    model = arguments.pop("build_model", smoothing)
    return tune(model, arguments.pop("x", X), arguments.pop("y", HOT), **arguments)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_trial_has_its_own_batch_size_and_smoothing(engine):
    space = {"batch_size": [8, 24], "label_smoothing": [0.0, 0.2], "schedule": "cosine()"}
    study = small(engine, space=space)
    assert len({(t.params["batch_size"], t.params["label_smoothing"]) for t in study.trials}) > 1
    for trial in study.trials:
        keras.utils.set_random_seed(0)
        smoothed = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=trial.params["label_smoothing"]
        )
        from keras_lr import LearningRate

        history = smoothing(smoothed).fit(
            X, HOT, batch_size=trial.params["batch_size"], epochs=2, validation_split=0.25,
            verbose=0, callbacks=[LearningRate("cosine()")],
        ).history  # fmt: skip
        for name, values in history.items():
            np.testing.assert_allclose(trial.history[name], values, rtol=1e-5, err_msg=name)
    assert ONE_LOSS.label_smoothing == 0.0, "the user's own loss stays as it is"


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy"])
def test_losses_by_name_are_smoothed_too(loss):
    model = make_model(Job(lambda: smoothing(loss), X), TrialSpec({"label_smoothing": 0.2}))
    assert model.loss.label_smoothing == 0.2
    assert keras.losses.get(loss)(HOT, HOT * 0.9).shape == (64,), "the same function as before"


def own_batches(batch_size=4):
    assert batch_size in (4, 5)
    return smoothing()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": {"batch_size": [8, 0]}}, "a whole number, at least 1"),
        ({"space": {"batch_size": Uniform(8, 16)}}, r"LogIntegers\(16, 64\)"),
        ({"space": {"label_smoothing": Uniform(0.0, 1.0)}}, "from 0 to below 1"),
        ({"space": {"label_smoothing": [0.1]}, "build_model": lambda: build(), "y": Y}, "no setting of the"),
        ({"space": {"batch_size": LogIntegers(1, 64), "schedule": "cosine() | warmup(5)"}},
         "doesn't fit a trial of 2 updates"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change, message):
    with pytest.raises(InvalidInput, match=message):
        small(**change)


def test_batches_of_the_datas_own_and_an_argument_of_that_name():
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[:8], HOT[:8]

    changes = {"x": Batches(), "y": None, "batch_size": None, "objective": "loss"}
    with pytest.raises(InvalidInput, match="batches of its own"):
        small(space={"batch_size": [8, 16]}, validation_split=0.0, **changes)
    study = small(space={"batch_size": [4, 5]}, build_model=own_batches, trials=1, epochs=1)
    assert study.best.value is not None
