"""What can be known of a study's runs before the first: that the model takes the data, that every
schedule fits, that Optuna's parts are Optuna's."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras_lr.engines.data_checks import arrays, is_array_data
from keras_lr.engines.fits import check_fits
from keras_lr.engines.job_checks import batches_of, training_rows
from keras_lr.engines.models import make_model
from keras_lr.engines.recording import Recording
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.engines.whole_settings import BATCH_SIZE, loss_settings
from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves
from keras_lr.schedules import Horizon
from keras_lr.tuner.ranges import LogUniform, Uniform
from keras_lr.tuner.space import Choice, Space, first_arguments, parameters


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


def check_parts(objective: Any, name: Any) -> None:
    """Refuse an objective or a name that is no text."""
    if not isinstance(objective, str):
        raise InvalidInput(
            f'objective is the name of a logged value, e.g. "val_loss". Received: {objective!r}.'
        )
    if name is not None and (not isinstance(name, str) or not name):
        raise InvalidInput(f"study_name is a text. Received: study_name={name!r}.")


def check_schedules(job: Job, space: Space, optimizer: Any) -> None:
    """Lay out every schedule of the space over the run.

    Raises:
        InvalidInput: For the first that doesn't fit.
    """
    schedules = [schedule for schedule in space.schedules() if schedule is not None]
    if not schedules:
        return
    if batches_of(job) is None:
        if not hasattr(job.x, "shape"):
            raise InvalidInput(
                "The data has no length, so the steps of a trial aren't known, and no schedule can "
                "be laid out. Give arrays, or a dataset whose length is known. "
                f"Received: x of {type(job.x).__name__}."
            )
        return
    for size in _values(space, BATCH_SIZE) or [job.batch_size]:
        sized = replace(job, batch_size=size)
        for accumulated in _values(space, "gradient_accumulation_steps") or {
            leaf.gradient_accumulation_steps for leaf in leaves(optimizer)
        }:
            _check_fit(sized, schedules, accumulated or 1)


def _check_fit(job: Job, schedules: list[Any], accumulated: int) -> None:
    batches, rows = batches_of(job), training_rows(job)
    assert batches is not None
    samples = None if rows is None else rows / batches * accumulated
    steps = max(1, batches * job.epochs // accumulated)
    horizon = Horizon(steps, batches / accumulated, samples)
    for schedule in schedules:
        try:
            schedule.resolve(horizon)
        except InvalidInput as error:
            raise InvalidInput(
                f"The schedule {str(schedule)!r} doesn't fit a trial of {horizon.steps} updates "
                f"({job.epochs} epochs of {batches} batches): {error}"
            ) from error


def _values(space: Space, name: str) -> list[Any]:
    """The values of a choice, or the ends of a range; none where it isn't searched."""
    member = space.searched.get(name, space.fixed.get(name))
    if member is None:
        return []
    return list(member.values if isinstance(member, Choice) else member.ends())


def other_settings(job: Job, probe: Any, space: Mapping[str, Any]) -> frozenset[str]:
    """What a space may name beside the optimizer's settings: a batch size, smoothing of labels.

    Raises:
        InvalidInput: It names a batch size, and the data comes in batches already.
    """
    if not arrays(job.x):
        if BATCH_SIZE in space and BATCH_SIZE not in parameters(job.build_model):
            raise InvalidInput(
                "The data comes in batches of its own, so trials can't have batch sizes of theirs. "
                f"Give arrays, or leave 'batch_size' out. Received: x of {type(job.x).__name__}."
            )
        return frozenset(loss_settings(probe))
    return frozenset({BATCH_SIZE} | loss_settings(probe))


def check_first_batch(job: Job, probe: Any) -> None:
    """Pass the first rows, or what was recorded first, through the model and its loss.

    Raises:
        InvalidInput: The model or its loss refuses them; targets are missing; labels lie outside
            the classes; a generator has too few batches, or too large ones.
    """
    x, y, weight, held_out = job.x, job.y, job.sample_weight, job.validation_data
    if isinstance(x, Recording):
        x, y, weight = (*x.batches[0], None, None)[:3]
    if isinstance(held_out, Recording):
        held_out = held_out.batches[0]
    check_fits(probe, x, y, held_out, sample_weight=weight, spare=True)


def run_facts(job: Job, probe: Any) -> dict[str, Any]:
    """By what a resumed study tells other runs from its own, as JSON; of datasets no sizes.

    The data itself isn't compared: that would mean to read all of it.
    """
    from keras import tree

    found = {
        "optimizer": type(probe.optimizer).__name__,
        "validation_split": float(job.validation_split),
        "steps_per_epoch": job.steps_per_epoch,
        "sample_weight": job.sample_weight is not None,
        "class_weight": job.class_weight is not None,
    }
    if not is_array_data(job.x):
        return found
    leaves = [leaf for leaf in tree.flatten([job.x, job.y]) if hasattr(leaf, "shape")]
    shapes = [[int(length) for length in leaf.shape] for leaf in leaves]
    if shapes and all(shapes):
        found["samples"] = shapes[0][0]
        found["shapes"] = [shape[1:] for shape in shapes]
    return found


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
