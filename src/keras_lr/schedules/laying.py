"""A schedule over a run that is given in numbers: what pictures, `explain` and the theory look at."""

from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.plan import Plan


def laid_out(
    schedule: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
) -> Plan:
    """`schedule` as a plan for a run of `steps`.

    A plan has its run already, and keeps its layout: other `steps` only say how much of it is
    looked at. A schedule whose lengths are all in steps, and which ends, is a run of its own.

    Args:
        schedule: A plan, or whatever `as_schedule` takes.
        steps: Updates in the run.
        steps_per_epoch: Updates in an epoch, where a length is in epochs.
        batch_size: Samples in one update, where a length is in samples.

    Raises:
        InvalidInput: How long the run is isn't known, or the schedule doesn't fit into it.

    >>> from keras_lr.schedules import Cosine
    >>> laid_out(Cosine().warmup("10%"), 100).end, laid_out(Cosine(length=40)).horizon.steps
    (100, 40)
    """
    if isinstance(schedule, Plan):
        run = schedule.horizon
        steps = run.steps if steps is None else steps
        per_epoch = run.steps_per_epoch if steps_per_epoch is None else steps_per_epoch
        samples = run.batch_size if batch_size is None else batch_size
        return Plan(schedule.schedule, Horizon(steps, per_epoch, samples))
    schedule = as_schedule(schedule)
    if steps is None:
        steps = schedule.span() if schedule.missing() is None else None
        if steps is None:
            raise InvalidInput(
                f"How long the run is isn't known. Add steps=1000 (updates in the run). Received: "
                f"{schedule}, steps=None."
            )
    return schedule.resolve(Horizon(steps, steps_per_epoch, batch_size))
