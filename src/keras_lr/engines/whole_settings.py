"""Settings of a trial that aren't the optimizer's: label smoothing of the loss, the batch size."""

from collections.abc import Mapping
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.errors import InvalidInput

SMOOTHING = "label_smoothing"
BATCH_SIZE = "batch_size"
NAMES = (SMOOTHING, BATCH_SIZE)

_BY_NAME = ("BinaryCrossentropy", "CategoricalCrossentropy")


def loss_settings(model: Any) -> set[str]:
    """`{"label_smoothing"}` where a loss of the model takes it, else nothing.

    Args:
        model: A compiled model. One that compiles in a way of its own has none.
    """
    import keras
    from keras import tree

    if type(model).compile is not keras.Model.compile:
        return set()
    losses = tree.flatten(model.loss)
    return {SMOOTHING} if any(_smooths(loss) for loss in losses) else set()


def apply_loss_settings(model: Any, settings: Mapping[str, Any]) -> None:
    """Compile the model anew with losses of these settings; the ones it had stay as they are.

    Args:
        model: A compiled model.
        settings: Of the trial; those that aren't a loss's are let pass.

    Raises:
        InvalidInput: No loss of the model takes them.
    """
    from keras import tree

    if SMOOTHING not in settings:
        return
    if not loss_settings(model):
        raise InvalidInput(
            f"The model's loss takes no {SMOOTHING}. Compile it with e.g. keras.losses."
            f"CategoricalCrossentropy(). Received: loss={model.loss!r}."
        )
    given = dict(model._compile_config.config)
    value = float(settings[SMOOTHING])
    given["loss"] = tree.map_structure(lambda loss: _smoothed(loss, value), given["loss"])
    given["optimizer"] = model.optimizer
    model.compile(**given)


def own_job(job: Job, spec: TrialSpec) -> Job:
    """The job of a trial: with a batch size of the trial's own, if it has one."""
    if BATCH_SIZE not in spec.settings:
        return job
    return replace(job, batch_size=int(spec.settings[BATCH_SIZE]))


def check_whole_setting(name: str, value: Any) -> None:
    """Refuse a value that can't be.

    Raises:
        InvalidInput: A batch size that is no whole number; label smoothing outside 0 to 1.
    """
    plain = isinstance(value, Real) and not isinstance(value, bool)
    if name == BATCH_SIZE and not (plain and isinstance(value, Integral) and int(value) >= 1):
        raise InvalidInput(
            "batch_size is a whole number, at least 1. Write e.g. 'batch_size': [16, 32, 64] (or "
            f"keras_lr.LogIntegers(16, 64)). Received: batch_size={value!r}."
        )
    if name == SMOOTHING and not (plain and 0 <= float(value) < 1):
        raise InvalidInput(
            f"label_smoothing is a number from 0 to below 1. Received: label_smoothing={value!r}."
        )


def _smooths(loss: Any) -> bool:
    import keras

    found = _as_object(loss)
    return (
        isinstance(found, keras.losses.Loss)
        and type(found).__module__.startswith("keras.")
        and SMOOTHING in found.get_config()
    )


def _smoothed(loss: Any, value: float) -> Any:
    if not _smooths(loss):
        return loss
    found = _as_object(loss)
    return type(found).from_config({**found.get_config(), SMOOTHING: value})


def _as_object(loss: Any) -> Any:
    """The loss of a name such as "binary_crossentropy" as an object, which can have settings."""
    import keras

    if not isinstance(loss, str):
        return loss
    name = loss.replace("_", "").lower()
    kind = next((each for each in _BY_NAME if each.lower() == name), None)
    return loss if kind is None else getattr(keras.losses, kind)()
