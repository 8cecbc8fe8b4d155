"""Trials on a part of the training to come, and what their best rate says of all of it.

Trials that run a share of the epochs cost that share. Their schedules are compressed to it, so that
each still ends as the whole one does. What a longer run wants is another rate, though: convex theory
(`keras_lr.schedules.theory`) has it fall with the square root of the length. docs/tuning.md says
how well that fits, and where it doesn't.
"""

from dataclasses import dataclass
from numbers import Real
from typing import Any

from keras_lr.engines.job_checks import batches_of, training_rows
from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves, own_schedule
from keras_lr.rate.leaves import batches_per_update
from keras_lr.schedules import Constant, Horizon, stretch, transfer_rate
from keras_lr.tuner.space import Space


@dataclass(frozen=True)
class Transferred:
    """What the best rate of shortened trials becomes for the whole training.

    Args:
        found: The rate that was best in trials of `short` epochs; `None` where it wasn't searched.
        learning_rate: The rate for `epochs`, by `keras_lr.schedules.transfer_rate`.
        short: Epochs of a trial.
        epochs: Epochs of the whole training.
        factor: What a rate is multiplied by from one to the other.
    """

    found: float | None
    learning_rate: float | None
    short: int
    epochs: int
    factor: float

    def __str__(self) -> str:
        if self.found is None or self.learning_rate is None:
            return f"× {self.factor:.3g} from {self.short} to {self.epochs} epochs"
        return (
            f"{self.found:.3g} was best over {self.short} epochs; for {self.epochs}, by theory, "
            f"{self.learning_rate:.3g}"
        )


def shortened(epochs: int, horizon: Any) -> int:
    """Epochs of a trial.

    Args:
        epochs: Of the whole training.
        horizon: The share of them that trials run.

    Raises:
        InvalidInput: It is no share.

    >>> shortened(20, 0.25), shortened(3, 0.1)
    (5, 1)
    """
    number = isinstance(horizon, Real) and not isinstance(horizon, bool)
    if not number or not 0 < float(horizon) <= 1:
        raise InvalidInput(
            "horizon is the share of the epochs that trials run, above 0 and at most 1. Write e.g. "
            f"horizon=0.25. Received: horizon={horizon!r}."
        )
    return max(1, round(epochs * float(horizon)))


def check_compressible(space: Space, optimizer: Any, share: float) -> None:
    """Refuse schedules whose lengths can't be compressed.

    Args:
        space: With the schedules of the trials.
        optimizer: Which may have a schedule of its own, for trials without a rate of theirs.
        share: What they are compressed to.

    Raises:
        InvalidInput: One can't be.
    """
    if share == 1:
        return
    own = any(own_schedule(leaf) is not None for leaf in leaves(optimizer))
    if own and "learning_rate" not in space.settings:
        raise InvalidInput(
            "With horizon= trials run compressed schedules, and the one that the optimizer was "
            "built with can't be compressed. Give the optimizer a number, and write the schedule "
            'into the space, e.g. "schedule": "cosine()".'
        )
    for schedule in space.schedules():
        try:
            _ = schedule if schedule is None else stretch(schedule, share)
        except InvalidInput as error:
            raise InvalidInput(
                f"With horizon= trials run compressed schedules, and {str(schedule)!r} can't be "
                f"compressed: {error}"
            ) from error


def transferred(job: Job, spec: TrialSpec, optimizer: Any, *, epochs: int) -> Transferred:
    """What a trial's rate becomes for the whole training.

    Args:
        job: The job of the trials, with their epochs.
        spec: The trial, with its schedule as it was given for the whole.
        optimizer: The trial's.
        epochs: Of the whole training.
    """
    accumulated = batches_per_update(leaves(optimizer)[0])
    batches, rows = batches_of(job), training_rows(job)
    each = (batches or 1) / accumulated
    samples = None if rows is None or not batches else rows / batches * accumulated
    whole = Horizon(max(1, int(each * epochs)), each, samples)
    short = Horizon(max(1, int(each * job.epochs)), each, samples)
    schedule = spec.schedule or Constant()
    compressed = schedule if spec.schedule is None else stretch(schedule, job.epochs / epochs)
    factor = transfer_rate(compressed.resolve(short), schedule.resolve(whole))
    found = spec.settings.get("learning_rate")
    return Transferred(
        found=found,
        learning_rate=None if found is None else found * factor,
        short=job.epochs,
        epochs=epochs,
        factor=factor,
    )
