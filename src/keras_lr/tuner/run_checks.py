"""What can be known of a study's runs before the first: that the model takes the data, that every
schedule fits, that Optuna's parts are Optuna's."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.job_checks import arrays, batches_of, training_rows
from keras_lr.engines.models import make_model
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves
from keras_lr.schedules import Horizon
from keras_lr.tuner.ranges import LogUniform, Uniform
from keras_lr.tuner.space import Choice, Space, first_arguments


def build_probe(job: Job, space: Mapping[str, Any]) -> Any:
    """A model of the job, to look at.

    Raises:
        InvalidInput: `build_model` doesn't take a number of a range, as trials will give it.
    """
    arguments = first_arguments(space, job.build_model)
    drawn = [name for name in arguments if type(space[name]) in (Uniform, LogUniform)]
    try:
        return make_model(job, TrialSpec(arguments=arguments))
    except Exception as error:
        if not drawn or isinstance(error, InvalidInput):
            raise
        name = drawn[0]
        told = ", ".join(f"{name}={arguments[name]!r}" for name in drawn)
        raise InvalidInput(
            f"build_model fails with {told}, as a range gives it ({_line(error)}). A range draws "
            f"floats; for whole numbers write keras_lr.Integers(8, 32) or a list, e.g. {name!r}: "
            f"[8, 16, 32]."
        ) from error


def check_parts(objective: Any, sampler: Any, pruner: Any, name: Any) -> None:
    """Refuse an objective or a name that is no text, and what is no sampler or pruner of Optuna."""
    import optuna

    if not isinstance(objective, str):
        raise InvalidInput(
            f'objective is the name of a logged value, e.g. "val_loss". Received: {objective!r}.'
        )
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidInput(f"study_name is a text. Received: study_name={name!r}.")
    for what, given, kind, line in (
        ("sampler", sampler, optuna.samplers.BaseSampler, "optuna.samplers.RandomSampler(seed=0)"),
        ("pruner", pruner, optuna.pruners.BasePruner, "optuna.pruners.MedianPruner()"),
    ):
        if given is not None and not isinstance(given, kind):
            raise InvalidInput(
                f"{what} is an Optuna {what}. Write e.g. {what}={line}. Received: {given!r}."
            )


def check_schedules(job: Job, space: Space, optimizer: Any) -> None:
    """Lay out every schedule of the space over the run.

    Raises:
        InvalidInput: For the first that doesn't fit.
    """
    schedules = [schedule for schedule in space.schedules() if schedule is not None]
    if not schedules:
        return
    batches = batches_of(job)
    if batches is None:
        if not hasattr(job.x, "shape"):
            raise InvalidInput(
                "The data has no length, so the steps of a trial aren't known, and no schedule can "
                "be laid out. Give arrays, or a dataset whose length is known. "
                f"Received: x of {type(job.x).__name__}."
            )
        return
    rows = training_rows(job)
    name = "gradient_accumulation_steps"
    member = space.searched.get(name, space.fixed.get(name))
    given = list(member.values) if isinstance(member, Choice) else []
    for accumulated in given or {leaf.gradient_accumulation_steps for leaf in leaves(optimizer)}:
        each = accumulated or 1
        samples = None if rows is None else rows / batches * each
        horizon = Horizon(max(1, batches * job.epochs // each), batches / each, samples)
        for schedule in schedules:
            try:
                schedule.resolve(horizon)
            except InvalidInput as error:
                raise InvalidInput(
                    f"The schedule {str(schedule)!r} doesn't fit a trial of {horizon.steps} "
                    f"updates ({job.epochs} epochs of {batches} batches): {error}"
                ) from error


def check_first_batch(job: Job, probe: Any) -> None:
    """Pass the first rows through the model and its loss, without training.

    Raises:
        InvalidInput: The model or its loss refuses them; targets are missing; labels lie outside
            the classes.
    """
    import keras

    found = arrays(job.x)
    if not found or type(probe).train_step is not keras.Model.train_step:
        return
    if job.y is None and probe.loss is not None:
        raise InvalidInput(
            "y is missing, and the model was compiled with a loss, which compares with targets. "
            "Write tune(build_model, x, y, ...)."
        )
    data = [(job.x, job.y, ("x", "y"))]
    if isinstance(job.validation_data, tuple | list):
        data.append((*job.validation_data[:2], ("validation x", "validation y")))
    for x, y, names in data:
        _check_rows(job, probe, x, y, names)


def _check_rows(job: Job, probe: Any, x: Any, y: Any, names: tuple[str, str]) -> None:
    from keras import tree

    def rows(data: Any) -> Any:
        if data is None:
            return None
        return tree.map_structure(lambda array: array[: job.batch_size or 32], data)

    try:
        told = f"{names[0]} of shape {_shapes(x)}"
        predicted = probe(rows(x), training=False)
    except Exception as error:
        raise InvalidInput(f"The model doesn't take {told}: {_line(error)}") from error
    _check_labels(probe.loss, y, predicted, names[1])
    try:
        told = f"{names[1]} of shape {_shapes(y)} for outputs of shape {_shapes(predicted)}"
        probe.compute_loss(x=rows(x), y=rows(y), y_pred=predicted, training=False)
    except Exception as error:
        raise InvalidInput(f"The model's loss doesn't take {told}: {_line(error)}") from error


def _check_labels(loss: Any, y: Any, predicted: Any, name: str) -> None:
    """Labels outside the outputs: no backend need refuse them, and the loss is then NaN or wrong."""
    if not _is_sparse(loss) or not isinstance(y, np.ndarray) or not hasattr(predicted, "shape"):
        return
    labels = y[y != loss.ignore_class] if getattr(loss, "ignore_class", None) is not None else y
    classes = int(predicted.shape[-1])
    wrong = labels[(labels < 0) | (labels >= classes) | (labels != np.floor(labels))]
    if wrong.size:
        raise InvalidInput(
            f"{name} holds labels that none of the model's {classes} outputs stands for; they run "
            f"from 0 to {classes - 1}. Received: {wrong.flat[0]!r}."
        )


def _is_sparse(loss: Any) -> bool:
    import keras

    function = keras.losses.sparse_categorical_crossentropy
    if isinstance(loss, str):
        try:
            loss = keras.losses.get(loss)
        except ValueError:
            return False
    return isinstance(loss, keras.losses.SparseCategoricalCrossentropy) or loss is function


def _shapes(data: Any) -> str:
    from keras import tree

    shapes = [str(tuple(getattr(array, "shape", ()))) for array in tree.flatten(data)]
    return " and ".join(shapes)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
