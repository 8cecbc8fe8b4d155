"""The lines that a study prints train what its best trial was: executed, and compared."""

import keras
import pytest

from engine_models import build, images
from keras_lr import LearningRate, tune
from keras_lr.engines.models import make_model
from keras_lr.rules import Plateau

X, Y = images(24)
FORCED = {"trials": 1, "epochs": 1, "engine": "fit", "verbose": 0, "validation_split": 0.5}


def compiled_by(study, names=None):
    """The optimizer that the printed compile line gives the model."""
    given = {}

    class Model:
        def compile(self, optimizer, loss, metrics=None):
            given["optimizer"] = optimizer

        def fit(self, x, y, **arguments):
            given["fit"] = arguments

    name = getattr(study._job.build_model, "__name__", "build_model")
    scope = {name: lambda **_: Model(), "model": Model(), "x": X, "y": Y, **(names or {})}
    exec(study.code(), scope)
    return given["optimizer"], given["fit"]


def weighted():
    model = build("dropout")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)
    top = keras.metrics.SparseTopKCategoricalAccuracy(k=2, name="top")
    steps = 1 if keras.backend.backend() == "torch" else 2  # Keras takes no other there
    model.compile("sgd", loss, metrics=[top, "accuracy"], steps_per_execution=steps)
    return model


def build_model(kind="dense"):
    return build(kind, optimizer="adam")


def named():
    model = build()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True), metrics=None)
    return model


@pytest.mark.parametrize(
    ("function", "space"),
    [
        (weighted, {"learning_rate": [0.12345], "batch_size": [12], "schedule": ["cosine()"]}),
        (build_model, {"kind": ["conv"], "beta_1": [0.8], "rules": [Plateau("loss", patience=1)]}),
        (named, {"momentum": [0.5], "batch_size": [8]}),
    ],
)
@pytest.mark.deep(after=1)
def test_the_printed_lines_run_and_give_the_trials_curve(function, space):
    held_out = {"validation_split": 0.0, "validation_data": (X[:16], Y[:16]), "epochs": 3}
    settings = {**FORCED, **held_out, "class_weight": {0: 2.0, 1: 1.0, 2: 1.0}}
    study = tune(function, X, Y, space=space, **settings)
    scope = {function.__name__: function, "x": X, "y": Y, "x_val": X[:16], "y_val": Y[:16]}
    assert study.code().startswith("import keras_lr"), "before keras, where no backend is named"
    exec(study.code(), scope | {"class_weight": settings["class_weight"]}, got := {})
    history = got["model"].history.history
    assert set(history) == set(study.best.history)
    for name, curve in study.best.history.items():
        assert history[name] == pytest.approx(curve, rel=1e-5), name


def own_schedule():
    model = build()
    decay = keras.optimizers.schedules.ExponentialDecay(0.3, 10, 0.5, staircase=True)
    model.compile(keras.optimizers.SGD(decay, nesterov=True), model.loss)
    return model


def scaled():
    model = build()
    adam = keras.optimizers.Adam(0.3, beta_1=0.8, clipnorm=1.0)
    model.compile(keras.optimizers.LossScaleOptimizer(adam, initial_scale=64.0), model.loss)
    return model


def two():
    if not hasattr(keras.optimizers, "MultiOptimizer"):
        pytest.skip("this Keras has no MultiOptimizer")
    model = build()
    members = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(0.3), {".*bias": keras.optimizers.Adam(0.02)}
    )
    model.compile(keras.optimizers.MultiOptimizer(members), model.loss)
    return model


def chosen(opt="sgd"):
    return build(optimizer=opt)


class Mine(keras.optimizers.SGD):
    """Somebody's own optimizer."""


def mine():
    model = build()
    model.compile(Mine(0.3), model.loss)
    return model


def plain(config):
    """A config without names, which Keras numbers, and with whatever it holds made plain."""
    if isinstance(config, dict):
        return {name: plain(value) for name, value in config.items() if name != "name"}
    return config


@pytest.mark.parametrize(
    ("build_model", "space"),
    [
        (build, {"momentum": [0.9]}),
        (build, {"learning_rate": [0.123456789], "momentum": [0.123456789]}),
        (own_schedule, {"momentum": [0.9]}),
        (own_schedule, {"learning_rate": [0.5]}),
        (scaled, {"beta_2": [0.99]}),
        (two, {"momentum": [0.5]}),
        (chosen, {"opt": ["adam"], "learning_rate": [0.02]}),
        (mine, {"momentum": [0.9]}),
    ],
)
@pytest.mark.deep(after=1)
def test_the_printed_optimizer_is_the_trials(build_model, space):
    study = tune(build_model, X, Y, space=space, **FORCED)
    got, fit = compiled_by(study, {"Mine": Mine})
    wanted = make_model(study._job, study._space.spec(study.best.params)).optimizer
    assert type(got) is type(wanted)
    assert plain(got.get_config()) == plain(wanted.get_config())
    assert isinstance(fit["callbacks"][0], LearningRate)
    assert fit["epochs"] == 1


def test_a_model_that_nothing_is_set_in_is_built_as_it_is():
    study = tune(chosen, X, Y, space={"opt": ["adam", "sgd"]}, **FORCED)
    code = study.code()
    assert f"model = chosen(opt={study.best.params['opt']!r})" in code
    assert "compile(" not in code
    study = tune(build(), X, Y, space={"momentum": [0.9]}, **FORCED)
    assert "model = " not in study.code()
