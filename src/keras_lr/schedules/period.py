"""Periods: a length that repeats ("every 10 epochs"), which may hold a fraction of a step.

Under gradient accumulation an epoch may have 2.5 updates, and 1000 samples are 31.25 batches of 32.
A length is rounded, but a rounded period would drift away from the data, so a period is kept as it
is.
"""

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import plain_number, shown, whole_number
from keras_lr.schedules.horizon import (
    MOST_STEPS,
    Horizon,
    Length,
    exact_steps,
    resolve_length,
    tidy_length,
)

Period = Length | float

LEAST = 0.01
"""The shortest period in steps."""


def tidy_period(period: Period, name: str) -> Period:
    """`period` checked, and written in its one canonical way.

    >>> tidy_period("10 steps", "every"), tidy_period(2.5, "every"), tidy_period(3.0, "every")
    (10, 2.5, 3)
    """
    plain = plain_number(period)
    if plain is not None and whole_number(period) is None:  # NumPy's floats too
        if not LEAST <= plain <= MOST_STEPS:
            raise InvalidInput(
                f"{name} must be from {LEAST} to {MOST_STEPS} steps. Received: {shown(period)}."
            )
        return int(plain) if plain.is_integer() else plain
    return tidy_length(period, name, least=1)  # type: ignore[return-value]


def resolve_period(period: Period, horizon: Horizon, name: str) -> float:
    """`period` in steps of `horizon`: whole ones as `int`.

    >>> resolve_period("2 epochs", Horizon(10, 2.5), "every")
    5
    >>> resolve_period("1 epoch", Horizon(10, 2.5), "every")
    2.5
    >>> resolve_period("96 samples", Horizon(10, batch_size=64), "every")
    1.5
    """
    if isinstance(period, int | float):
        return period
    if period.endswith("%"):
        return max(resolve_length(period, horizon, name), 1)
    steps = exact_steps(period, horizon, name)
    nearest = round(steps)
    whole = nearest >= 1 and abs(steps - nearest) < 1e-6 * nearest
    return nearest if whole else max(steps, LEAST)
