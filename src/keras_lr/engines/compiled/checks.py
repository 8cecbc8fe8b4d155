"""What keeps a job from being compiled into one program."""

from typing import Any

from keras_lr.engines.data_checks import is_sparse
from keras_lr.engines.job_checks import batches_of, short_epochs
from keras_lr.engines.trial import Job
from keras_lr.rate import leaves, own_schedule
from keras_lr.rate.leaves import chain
from keras_lr.rules import Rule
from keras_lr.rules.rule import is_in_graph, keeps_best, looks_every


def obstacle(job: Job, model: Any, *, schedules: bool = False, own: bool = True) -> str | None:
    """Why the compiled engine can't run this job, or `None` where it can.

    Args:
        job: The job.
        model: A compiled model of the job.
        schedules: Whether a trial has a schedule.
        own: Whether trials go by the rate that the optimizer was built with.
    """
    import keras

    if keras.distribution.distribution() is not None:
        return "a keras.distribution is set, and lanes would have to share its devices"
    if model.run_eagerly:
        return "the model was compiled with run_eagerly=True"
    if not model.jit_compile:
        return "the model isn't compiled by XLA (jit_compile=False, or a layer that can't be)"
    for leaf in leaves(model.optimizer):
        rate = own_schedule(leaf) if own else None
        known = keras.optimizers.schedules.LearningRateSchedule
        if rate is not None and not isinstance(rate, known):
            return f"{type(leaf).__name__} was built with a function as its learning rate"
    return unread(job) or scaled_schedule(model.optimizer, given=schedules, own=own)


def unread(job: Job) -> str | None:
    """Why the job's data can't be laid out in advance for all lanes, or `None` where it can."""
    from keras import tree

    held_out = job.validation_data
    given = [job.x, *(held_out if isinstance(held_out, tuple | list) else [held_out])]
    if any(is_sparse(leaf) for data in given for leaf in tree.flatten(data)):
        return "the data is sparse, so that no two batches have the same shape"
    if batches_of(job) is None:
        return (
            f"{type(job.x).__name__} doesn't say how many batches it has (steps_per_epoch= would)"
        )
    return short_epochs(job)


def scaled_schedule(optimizer: Any, *, given: bool, own: bool = True) -> str | None:
    """Why a schedule can't be laid out in advance, or `None` where it can.

    A loss scale skips the updates whose gradients aren't finite, and schedules count updates: what
    the rate of a batch is, then depends on the training.

    Args:
        optimizer: The optimizer of a trial.
        given: Whether the trial has a schedule.
        own: Whether it goes by the rate that the optimizer was built with.
    """
    scaled = any(hasattr(member, "inner_optimizer") for member in chain(optimizer))
    has_own = own and any(own_schedule(leaf) is not None for leaf in leaves(optimizer))
    if scaled and (given or has_own):
        return "a schedule counts updates, and a LossScaleOptimizer skips some of them"
    return None


def unseen_rule(rules: tuple[Rule, ...]) -> str | None:
    """Why a rule can't be followed, or `None` where all can.

    Lanes stop at the ends of epochs only, and keep the last good state, not a rule's best.

    Args:
        rules: The rules of a trial.
    """
    for rule in rules:
        if is_in_graph(rule):
            return f"{type(rule).__name__} is decided inside the training step of fit"
        if looks_every(rule) is not None:
            return f"{type(rule).__name__} looks every {looks_every(rule)} updates"
        if keeps_best(rule):
            return f"{type(rule).__name__} restores its best state"
    return None
