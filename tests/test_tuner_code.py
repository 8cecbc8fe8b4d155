"""The lines that a study prints train what its best trial was: executed, and compared."""

import keras
import pytest

from engine_models import build, images
from keras_lr import LearningRate, tune
from keras_lr.engines.models import make_model

X, Y = images(24)
FORCED = {"trials": 1, "epochs": 1, "engine": "fit", "verbose": 0, "validation_split": 0.5}


def compiled_by(study, names=None):
    """The optimizer that the printed compile line gives the model."""
    given = {}

    class Model:
        def compile(self, optimizer, loss, metrics):
            given["optimizer"] = optimizer

        def fit(self, x, y, **arguments):
            given["fit"] = arguments

    scope = {"build_model": lambda **_: Model(), "model": Model(), "x": X, "y": Y, **(names or {})}
    exec(study.code(), scope)
    return given["optimizer"], given["fit"]


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
    assert f"model = build_model(opt={study.best.params['opt']!r})" in code
    assert "compile(" not in code
    study = tune(build(), X, Y, space={"momentum": [0.9]}, **FORCED)
    assert "build_model" not in study.code()
