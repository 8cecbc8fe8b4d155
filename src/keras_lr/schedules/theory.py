"""What convex theory says of a schedule: the best rate, and how good it can be.

For the last iterate of (sub)gradient descent on a convex function, with step t at the rate
base·η_t, ‖gradient‖ = g_t, and a distance D from the start to the minimum,

    loss(last) − loss(minimum)  ≤  t1/base + base·(t2 + t3),

    t1 = D²/(2 Ση),   t2 = Ση²g²/(2 Ση),   t3 = ½ Σ_{k<T} (η_k/α_k)·(γ_k/β_k),
    α_k = Σ_{t>k} η_t,   β_k = Σ_{t≥k} η_t,   γ_k = Σ_{t≥k} η_t²g_t².

It is lowest, 2√(t1·(t2 + t3)), at base = √(t1/(t2 + t3)). Schaipp, Hägele, Taylor, Simsekli & Bach,
"The Surprising Agreement Between Convex Optimization Theory and Learning-Rate Scheduling for Large
Model Training" (2025), after Defazio, Cutkosky, Mehta & Mishchenko (2023).

Networks are not convex, D and g aren't known, and momentum and Adam aren't in it: the figures mean
nothing in themselves. What carries over is how they change from one schedule to another
(`transfer_rate`); docs/theory.md says how well.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import LARGEST, SMALLEST, plain_number, positive, shown
from keras_lr.schedules.laying import laid_out
from keras_lr.schedules.plan import Plan

MOST_STEPS = 10**8
"""The longest run that is computed: each step takes some 60 bytes."""


@dataclass(frozen=True)
class Bound:
    """The bound on the loss at the end of a run, for one schedule.

    Args:
        base: The rate (a multiple of the schedule) at which the bound is lowest.
        bound: What it is there.
        far: t1, what a rate that is too low leaves undone; divided by the rate.
        noise: t2 + t3, what a rate that is too high keeps astir; multiplied by the rate.
    """

    base: float
    bound: float
    far: float
    noise: float

    def at(self, rate: float) -> float:
        """The bound at another rate, above 0."""
        rate = positive(rate, "Bound.at", "rate")
        return self.far / rate + self.noise * rate


def bound(
    schedule: Any,
    steps: int | None = None,
    *,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
    gradient_norms: Any = 1.0,
    distance: float = 1.0,
) -> Bound:
    """The best rate for `schedule` and the bound there, for a convex loss.

    Takes time and memory in proportion to `steps`. Steps at the rate 0 change nothing and don't
    count; a last rate that is tiny but not 0 after high ones does, and makes the bound useless.

    Args:
        schedule: A plan, or whatever `as_schedule` takes. Of one whose values are rates, the best
            "rate" is what they should be multiplied by.
        steps: Updates in the run; a plan knows them.
        steps_per_epoch: Updates in an epoch, where a length is in epochs.
        batch_size: Samples in one update, where a length is in samples.
        gradient_norms: The gradient's norm: one number, or one for each step.
        distance: From the initial weights to the best ones.

    Raises:
        InvalidInput: The rate is 0 throughout; the norms don't fit the steps or aren't positive;
            the run is longer than `MOST_STEPS`, or isn't the one that a plan was laid out for.

    >>> found = bound("linear", 400)
    >>> round(found.base, 6), round(found.bound, 6)
    (0.049563, 0.10063)
    """
    if isinstance(schedule, Plan) and steps not in (None, schedule.horizon.steps):
        raise InvalidInput(
            f"A plan keeps the lengths of its run of {schedule.horizon.steps} steps. For another "
            f"run give the schedule, not its plan. Received: steps={shown(steps)}."
        )
    plan = laid_out(schedule, steps, steps_per_epoch=steps_per_epoch, batch_size=batch_size)
    count = plan.horizon.steps
    if count > MOST_STEPS:
        raise InvalidInput(
            f"The bound looks at every step, of {MOST_STEPS} at most. Give the run in larger steps, "
            f"steps={MOST_STEPS}: with shares as lengths, schedules compare alike. "
            f"Received: steps={count}."
        )
    distance = _size(distance, "distance")
    norms, largest = _norms(gradient_norms, count)
    rates = np.asarray(plan(np.arange(count)), np.float64)
    moving = rates > 0
    if not moving.any():
        raise InvalidInput(
            f"{schedule} is 0 at every step of {count}: nothing is learned. Give another schedule."
        )
    # The sums are of rates and norms up to 1, so that their squares neither vanish nor overflow.
    unit = float(rates.max())
    rates, norms = rates[moving] / unit, norms[moving]
    squares = np.square(rates * norms)
    # Sums from the end, and no differences of sums: near the end they would be all rounding.
    rest = np.cumsum(rates[::-1])[::-1]
    rest_squares = np.cumsum(squares[::-1])[::-1]
    with np.errstate(over="ignore"):  # a tiny last rate: the bound is infinite
        last_iterate = 0.5 * np.sum(rates[:-1] / rest[1:] * (rest_squares[:-1] / rest[:-1]))
    far = float(distance**2 / (2 * rest[0]))
    noise = float(rest_squares[0] / (2 * rest[0]) + last_iterate) * largest**2
    base = math.sqrt(far) / math.sqrt(noise) / unit
    best = 2 * math.sqrt(far) * math.sqrt(noise)
    return Bound(base, best, far / unit, noise * unit)


def transfer_rate(
    from_: Any,
    to: Any,
    *,
    steps: int | None = None,
    to_steps: int | None = None,
    rate: float | None = None,
    steps_per_epoch: float | None = None,
    batch_size: float | None = None,
) -> float:
    """How the best rate moves from one schedule, or one length of the run, to another.

    Args:
        from_: The schedule that the rate was tuned for: a plan, or whatever `as_schedule` takes.
        to: The schedule that it is wanted for.
        steps: Updates in the run.
        to_steps: Updates in the run with `to`, where it is longer or shorter.
        rate: The rate that is best for `from_`.
        steps_per_epoch: Updates in an epoch, where a length is in epochs.
        batch_size: Samples in one update, where a length is in samples.

    Returns:
        The rate for `to`; without `rate` what to multiply the tuned rate by.

    >>> round(transfer_rate("linear", "constant", steps=400), 3)
    0.367
    >>> round(transfer_rate("cosine", "cosine", steps=1000, to_steps=4000, rate=0.1), 3)
    0.05
    """
    run = {"steps_per_epoch": steps_per_epoch, "batch_size": batch_size}
    before = bound(from_, steps, **run)  # type: ignore[arg-type]
    after = bound(to, steps if to_steps is None else to_steps, **run)  # type: ignore[arg-type]
    if before.base == 0:
        raise InvalidInput(
            f"The bound says nothing of {from_}: it ends with rates of almost 0 after high ones. "
            "Let it end at 0, or higher."
        )
    ratio = after.base / before.base
    return ratio if rate is None else ratio * positive(rate, "transfer_rate", "rate")


def _size(value: Any, name: str) -> float:
    """A positive number whose square neither vanishes nor overflows."""
    plain = plain_number(value)
    if plain is None or not SMALLEST <= plain <= LARGEST:
        raise InvalidInput(
            f"{name} is a number from {SMALLEST:g} to {LARGEST:g}; in which unit doesn't matter when "
            f"schedules are compared. Received: {name}={shown(value)}."
        )
    return plain


def _norms(given: Any, steps: int) -> tuple[np.ndarray, float]:
    """The norms at each step as parts of the largest, and the largest."""
    try:
        norms = np.asarray(given, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput(
            "gradient_norms are positive finite numbers: one, or one for each step. "
            f"Received: {shown(given)}."
        ) from None
    if norms.shape not in ((), (1,), (steps,)):
        raise InvalidInput(
            f"gradient_norms is one number, or one for each of the {steps} steps. "
            f"Received: an array of shape {norms.shape}."
        )
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise InvalidInput(
            "gradient_norms are positive finite numbers. Leave out what isn't, e.g. by its median. "
            f"Received: {shown(given)}."
        )
    largest = _size(float(norms.max()), "The largest of gradient_norms")
    return np.broadcast_to(norms / largest, (steps,)), largest
