"""The model of a trial: built or cloned from the same seed, with the trial's settings."""

import math
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.engines.whole_settings import NAMES, apply_loss_settings
from keras_lr.errors import InvalidInput, nearest
from keras_lr.rate import check_rate, leaves, own_schedule
from keras_lr.rate.leaves import chain

NOT_SETTINGS = ("name", "loss_scale_factor")

_MADE: WeakValueDictionary[int, Any] = WeakValueDictionary()
"""The models that functions built for a trial or to look at, by identity, while they live."""


def make_model(job: Job, spec: TrialSpec) -> Any:
    """The compiled model of a trial, after seeding: what `fit` would be called on.

    Raises:
        InvalidInput: What was built is no compiled model, or one that was built before; settings
            that its optimizer hasn't.
    """
    import keras

    job.begin()
    if isinstance(job.build_model, keras.Model):
        model = clone(job.build_model)
    else:
        model = job.build_model(**spec.arguments)
        check_model(model)
        _check_new(model)
    own = {name: value for name, value in spec.settings.items() if name not in NAMES}
    apply_settings(model.optimizer, own)
    apply_loss_settings(model, spec.settings)
    return model


def check_model(model: Any) -> None:
    """Refuse what isn't a compiled Keras model."""
    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(
            "build_model must return a compiled Keras model (did it forget `return model`?). "
            f"Received: {type(model).__name__}."
        )
    if not model.compiled or model.optimizer is None:
        raise InvalidInput(
            f"The model {model.name!r} isn't compiled. Call model.compile(optimizer="
            "keras.optimizers.SGD(0.01), loss=...) before you return it or pass it on."
        )


def _check_new(model: Any) -> None:
    """Refuse a model that was built before: a trial would go on from the weights of another."""
    if _MADE.get(id(model)) is model:
        raise InvalidInput(
            f"build_model returned the same model twice ({model.name!r}), so trials would go on "
            "from each other's weights. Build a new one in it, or pass the model itself: "
            "tune(model, ...)."
        )
    _MADE[id(model)] = model


def clone(model: Any) -> Any:
    """A model like `model`: same weights and random state, compiled alike, a fresh optimizer.

    Raises:
        InvalidInput: The model or how it was compiled can't be written as a config.
    """
    import keras

    check_model(model)
    try:
        twin = type(model).from_config(model.get_config())
        arguments = keras.saving.deserialize_keras_object(model.get_compile_config())
        twin.compile(**arguments)
    except Exception as error:
        raise InvalidInput(
            "A trial needs a fresh copy of the model, and this one can't be copied from its config "
            f"({type(error).__name__}: {error}). Pass a function that builds and compiles it: "
            "tune(build_model, ...)."
        ) from error
    if not twin.built and model.built and model.get_build_config():
        twin.build_from_config(model.get_build_config())
    pairs = zip(_variables(twin), _variables(model), strict=False)
    if len(_variables(twin)) != len(_variables(model)):
        raise InvalidInput(
            "A trial needs a fresh copy of the model, and the copy has other variables than the "
            "model. Pass a function that builds and compiles it: tune(build_model, ...)."
        )
    for new, old in pairs:
        # By way of the host: on JAX both would hold one buffer, and training gives its away.
        new.assign(np.array(keras.ops.convert_to_numpy(old), copy=True))
    return twin


def _variables(model: Any) -> list[Any]:
    return [*model.trainable_variables, *model.non_trainable_variables]


def setting_names(optimizer: Any) -> set[str]:
    """The settings that a trial can give to the optimizer, or to those that it wraps."""
    if not leaves(optimizer):
        raise InvalidInput(
            "The members of this MultiOptimizer aren't known before it is built, since a function "
            "chooses them. Give it a keras.optimizers.OptimizerMap instead."
        )
    names = {name for leaf in leaves(optimizer) for name in leaf.get_config()}
    return names - set(NOT_SETTINGS)


def check_settings(optimizer: Any, names: Any) -> None:
    """Refuse names that are no settings of this optimizer, with the nearest that is."""
    known = setting_names(optimizer)
    for name in names:
        if name not in known:
            kinds = " and ".join(dict.fromkeys(type(leaf).__name__ for leaf in leaves(optimizer)))
            raise InvalidInput(f"{kinds} has no setting {name!r}. {nearest(name, known)}")


def apply_settings(optimizer: Any, settings: Mapping[str, Any]) -> None:
    """Make the optimizer, or those that it wraps, anew with these settings, without state.

    The objects stay the same ones, so whatever holds them (the model, its compile config, a
    wrapper, an `OptimizerMap`) needs no change.

    Args:
        optimizer: A Keras optimizer.
        settings: Name to value; a whole number stands for a float where one is wanted.

    Raises:
        InvalidInput: An unknown name, or a value that the optimizer refuses.
    """
    if not settings:
        return
    check_settings(optimizer, settings)
    for leaf in leaves(optimizer):
        config = leaf.get_config()
        changed = {name: _typed(config, name, v) for name, v in settings.items() if name in config}
        if isinstance(config.get("learning_rate"), dict) and "learning_rate" not in changed:
            config["learning_rate"] = own_schedule(leaf)  # its own schedule, as it is
        _again(leaf, {**config, **changed})
    for wrapper in reversed(chain(optimizer)):
        if wrapper.built and hasattr(wrapper, "inner_optimizer"):
            _again(
                wrapper,
                {
                    "inner_optimizer": wrapper.inner_optimizer,
                    "initial_scale": wrapper.initial_scale,
                    "dynamic_growth_steps": wrapper.dynamic_growth_steps,
                    "name": wrapper.name,
                },
            )
        elif wrapper.built and hasattr(wrapper, "optimizers"):
            scale = wrapper.loss_scale_factor
            arguments = {"optimizer_map": wrapper._optimizer_map, "loss_scale_factor": scale}
            _again(wrapper, {**arguments, "name": wrapper.name})


def _typed(config: Mapping[str, Any], name: str, value: Any) -> Any:
    if name == "learning_rate":
        return check_rate(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and isinstance(config[name], float):
        return float(value)
    if whole and config[name] is None and not name.endswith(("_frequency", "_steps")):
        return float(value)
    return value


def _again(optimizer: Any, arguments: Mapping[str, Any]) -> None:
    try:
        optimizer.__init__(**arguments)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{type(optimizer).__name__} refuses its settings: {error}") from error


def check_setting(optimizer: Any, name: str, value: Any) -> None:
    """Refuse a value that the optimizer's own constructor refuses; the optimizer isn't changed."""
    for leaf in leaves(optimizer):
        config = leaf.get_config()
        if name not in config:
            continue
        flag, wanted = isinstance(value, bool), isinstance(config[name], bool)
        number = isinstance(config[name], int | float)
        if (wanted and not flag) or (flag and number and not wanted):
            what = "True or False" if wanted else "a number"
            raise InvalidInput(
                f"{type(leaf).__name__}'s {name} is {what}. Received: {name}={value!r}."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidInput(f"{name} must be a finite number. Received: {name}={value!r}.")
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = 0.1
        try:
            type(leaf)(**{**config, name: _typed(config, name, value)})
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"{type(leaf).__name__} refuses {name}={value!r}: {error}"
            ) from error
