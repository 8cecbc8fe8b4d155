"""Whether the run to come decays its rate: a decayed run wants a higher one."""

from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput, UnresolvedSchedule
from keras_lr.rate import leaves, own_schedule
from keras_lr.schedules import as_schedule

_UNKNOWN = 100_000
"""The steps that a run of unknown length is taken to have."""


def decays(
    schedule: Any,
    optimizer: Any,
    *,
    steps: int | None = None,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
) -> bool:
    """Whether the rate ends at less than half of its peak.

    Args:
        schedule: What `LearningRate(schedule=...)` takes; with `None` the schedule that the
            optimizer was built with, if any, counts.
        optimizer: The model's.
        steps: Updates in the run, if known.
        steps_per_epoch: Updates in an epoch, if known.
        batch_size: Samples in one update, if known.
    """
    import keras

    if schedule is None:
        schedule = own_schedule(leaves(optimizer)[0])
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return False
    horizon = steps or _UNKNOWN
    try:
        plan = as_schedule(schedule).resolve(
            steps=horizon, steps_per_epoch=steps_per_epoch, batch_size=batch_size
        )
        values = plan(np.unique(np.linspace(0, horizon - 1, 2001).astype(int)))
    except UnresolvedSchedule as error:
        raise InvalidInput(f"The schedule can't be laid out: {error}") from error
    return bool(values[-1] < 0.5 * np.max(values))
