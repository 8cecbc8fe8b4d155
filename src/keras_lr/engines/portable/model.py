"""A compiled model as plain data, and the model made of it again, on whatever backend runs."""

import copy
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.portable.custom import custom_objects
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.portable.paths import import_object


def describe(model: Any) -> dict[str, Any]:
    """A compiled, built model as plain data: config, compile settings, variables.

    Its optimizer travels without state: a trial starts with a fresh one.

    Args:
        model: The model; every variable exists.

    Raises:
        NotPortable: Something in it can't travel; the message says what.
    """
    import keras

    check_steps(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lambdas, which are refused below
        try:
            config = keras.saving.serialize_keras_object(model)
            settings = model.get_compile_config()
        except Exception as error:
            told = " ".join(str(error).split())
            raise NotPortable(
                f"the model can't be written as a config ({type(error).__name__}: {told})"
            ) from error
    config.pop("compile_config", None)
    if settings and keras.backend.backend() != "jax":
        # Whether XLA compiles a step is a choice there, and by default often no; JAX has no other way.
        settings["jit_compile"] = "auto"
    if not settings:
        raise NotPortable("the model doesn't say how it was compiled (its get_compile_config())")
    settings = _public(settings)
    scaled = hasattr(model.optimizer, "inner_optimizer")
    if model.dtype_policy.name == "mixed_float16" and not scaled:
        settings["auto_scale_loss"] = False  # said in compile(), and not in its config
    return {
        "config": config,
        "compile": settings,
        "objects": custom_objects([config, settings], model),
        "variables": [
            np.array(keras.ops.convert_to_numpy(variable)) for variable in _variables(model)
        ],
    }


def rebuild(described: Mapping[str, Any]) -> Any:
    """The model that `describe` described: compiled, with its weights and a fresh optimizer.

    Raises:
        NotPortable: It can't be made here; the message says why.
    """
    import keras

    objects = {name: import_object(path) for name, path in described["objects"].items()}
    try:
        with keras.saving.custom_object_scope(objects):
            # Keras's default: what would run code out of a config is refused (`safe_mode`).
            # Copies, since some of Keras's classes change the config that they read.
            config, settings = copy.deepcopy((described["config"], described["compile"]))
            model = keras.saving.deserialize_keras_object(config)
            model.compile(**keras.saving.deserialize_keras_object(settings))
    except Exception as error:
        # Keras tells the whole config first, and what went wrong last.
        told = " ".join(str(error).rpartition("Exception encountered: ")[2].split())[-300:]
        backend = keras.backend.backend()
        raise NotPortable(
            f"the model can't be made again on {backend} ({type(error).__name__}: {told})"
        ) from error
    variables, values = _variables(model), described["variables"]
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [tuple(value.shape) for value in values]:
        raise NotPortable("the model made again from its config has other variables than the model")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(np.array(value))
    return model


def check_steps(model: Any) -> None:
    """Refuse a model whose steps are written for the backend that runs here.

    Raises:
        NotPortable: It has a `train_step` or the like of its own, and the backend isn't JAX.
    """
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        return
    for name in ("train_step", "test_step", "make_train_function", "make_test_function"):
        if getattr(type(model), name) is not getattr(keras.Model, name):
            raise NotPortable(f"{type(model).__name__}.{name} is written for {backend}")


def _public(config: Any) -> Any:
    """A config whose optimizers are those of `keras.optimizers`: torch has variants of its own."""
    import keras

    if isinstance(config, list | tuple):
        return type(config)(map(_public, config))
    if not isinstance(config, dict):
        return config
    config = {name: _public(value) for name, value in config.items()}
    if str(config.get("module")).startswith("keras.src.backend."):
        name = config.get("class_name")
        if isinstance(getattr(keras.optimizers, str(name), None), type):
            config |= {"module": "keras.optimizers", "registered_name": None}
    return config


def _variables(model: Any) -> list[Any]:
    return [*model.trainable_variables, *model.non_trainable_variables]
