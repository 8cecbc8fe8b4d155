"""optax's schedules by name and argument: rates, whatever the optimizer's rate.

Of Keras's optimizers the rate doesn't count then (`.absolute`). Values: optax 0.2.8. Counts as
optax does: its count 0 is the first update, `decay_steps` includes the warmup, at a boundary the
new value holds already.
"""

import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.peers.parts import (
    delayed,
    largest,
    ramp,
    rest,
    risen,
    sequence,
    share,
    whole,
)
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.shapes.decays import Exponential
from keras_lr.schedules.shapes.drops import Piecewise, StepDecay
from keras_lr.schedules.shapes.ramps import Cosine, Linear, Polynomial


def constant_schedule(value: float) -> Schedule:
    """`value`, always.

    >>> print(constant_schedule(0.1))
    constant() | rate(0.1)
    """
    return Constant().rate(value) if value else Constant(0.0).rate(1.0)


def linear_schedule(
    init_value: float, end_value: float, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """A line from `init_value` to `end_value`, which may rise.

    Args:
        init_value: Rate until `transition_begin`.
        end_value: Rate from `transition_begin + transition_steps` on.
        transition_steps: Steps between; 0 or below keeps `init_value`.
        transition_begin: Steps before.

    >>> print(linear_schedule(0.1, 0.01, 90, transition_begin=10))
    linear(end=0.1, length=90) | warmup(10, start=1.0) | rate(0.1)
    """
    return polynomial_schedule(init_value, end_value, 1.0, transition_steps, transition_begin)


def polynomial_schedule(
    init_value: float,
    end_value: float,
    power: float,
    transition_steps: int,
    transition_begin: int = 0,
) -> Schedule:
    """(init − end)·(1 − p)^power + end, which may rise.

    Args:
        init_value: Rate until `transition_begin`.
        end_value: Rate from `transition_begin + transition_steps` on.
        power: Above 0.
        transition_steps: Steps between; 0 or below keeps `init_value`.
        transition_begin: Steps before.

    >>> print(polynomial_schedule(0.1, 0.0, 2.0, 100))
    polynomial(length=100, power=2.0) | rate(0.1)
    """
    if transition_steps <= 0:
        return constant_schedule(init_value)
    peak = largest(init_value, end_value)
    start, end = share(init_value, peak), share(end_value, peak)
    if power == 1:
        schedule = ramp(start, end, transition_steps)
    else:
        schedule = ramp(start, end, transition_steps, Polynomial, power=power)
    return delayed(schedule, transition_begin).rate(peak)


def cosine_decay_schedule(
    init_value: float, decay_steps: int, alpha: float = 0.0, exponent: float = 1.0
) -> Schedule:
    """Half a cosine to the power of `exponent`, down to alpha·init_value.

    >>> print(cosine_decay_schedule(0.1, 100, alpha=0.01))
    cosine(end=0.01, length=100) | rate(0.1)
    """
    return _cosine(decay_steps, alpha, exponent).rate(init_value)


def exponential_decay(
    init_value: float,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """init·decay_rate^((step − begin)/transition_steps), not below `end_value`.

    Args:
        init_value: Rate until `transition_begin`.
        transition_steps: Steps in which the rate falls by `decay_rate`; 0 or below keeps
            `init_value`.
        decay_rate: At most 1; 0 keeps `init_value`.
        transition_begin: Steps before.
        staircase: Whether it falls at once, every `transition_steps`.
        end_value: The lowest rate.

    >>> print(exponential_decay(0.1, 30, 0.5, staircase=True, end_value=0.001))
    step_decay(every=30) | clip(low=0.01) | rate(0.1)
    """
    low = None if end_value is None else share(end_value, init_value)
    return _exponential(transition_steps, decay_rate, transition_begin, staircase, low).rate(
        init_value
    )


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None = None
) -> Schedule:
    """Multiplied by each scale from its boundary on.

    >>> print(piecewise_constant_schedule(1.0, {100: 0.1, 200: 0.5}))
    piecewise([100, 200], values=[1.0, 0.1, 0.05]) | rate(1.0)
    """
    boundaries, values = _scaled(init_value, boundaries_and_scales)
    peak = largest(*values)
    shares = [share(value, peak) for value in values]
    schedule = Piecewise(boundaries, shares) if boundaries else Constant(shares[0])  # type: ignore[arg-type]
    return schedule.rate(peak)


def piecewise_interpolate_schedule(
    interpolate_type: str,
    init_value: float,
    boundaries_and_scales: Mapping[int, float] | None = None,
) -> Schedule:
    """From one scaled value to the next, along lines or half cosines, up or down.

    Args:
        interpolate_type: "linear" or "cosine".
        init_value: Rate at step 0.
        boundaries_and_scales: What each boundary's value is, relative to the one before.

    >>> print(piecewise_interpolate_schedule("linear", 1.0, {4: 0.5, 8: 0.5}))
    join(linear(end=0.5, length=4), linear(start=0.5, end=0.25, length=4), boundaries=[4]) | rate(1.0)
    """
    if interpolate_type not in ("linear", "cosine"):
        raise InvalidInput(
            "piecewise_interpolate_schedule's interpolate_type is 'linear' or 'cosine'. "
            f"Received: interpolate_type={interpolate_type!r}."
        )
    shape = Linear if interpolate_type == "linear" else Cosine
    boundaries, values = _scaled(init_value, boundaries_and_scales)
    peak = largest(*values)
    shares = [share(value, peak) for value in values]
    parts: list[Schedule] = []
    for (begin, stop), pair in zip(
        itertools.pairwise([0, *boundaries]), itertools.pairwise(shares), strict=True
    ):
        parts.append(ramp(*pair, stop - begin, shape))
    schedule = sequence(parts, boundaries[:-1]) if parts else Constant(shares[0])
    return schedule.rate(peak)


def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Three lines: up to the peak, down to where it began, on to peak/(div·final_div).

    Args:
        transition_steps: Steps of the cycle.
        peak_value: The highest rate.
        pct_start: Where the peak lies, as a part of the cycle, rounded down to a step.
        pct_final: Where the second line ends.
        div_factor: Peak ÷ first rate.
        final_div_factor: First ÷ last rate.

    >>> print(linear_onecycle_schedule(100, 0.1))
    join(linear(start=0.04, end=1.0, length=30), linear(end=0.04, length=55), linear(start=0.04, end=4e-06, length=15), boundaries=[30, 85]) | rate(0.1)
    """
    scales = {
        int(pct_start * transition_steps): div_factor,
        int(pct_final * transition_steps): 1.0 / div_factor,
        transition_steps: 1.0 / final_div_factor,
    }
    return piecewise_interpolate_schedule("linear", peak_value / div_factor, scales)


def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: float,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Two half cosines: up to the peak, down to peak/(div·final_div).

    Args:
        transition_steps: Steps of the cycle.
        peak_value: The highest rate.
        pct_start: Where the peak lies, as a part of the cycle, rounded down to a step.
        div_factor: Peak ÷ first rate.
        final_div_factor: First ÷ last rate.

    >>> print(cosine_onecycle_schedule(100, 0.1))
    join(cosine(length=30) | between(1.0, high=0.04), cosine(end=4e-06, length=70), boundaries=[30]) | rate(0.1)
    """
    scales = {
        int(pct_start * transition_steps): div_factor,
        int(transition_steps): 1.0 / (div_factor * final_div_factor),
    }
    return piecewise_interpolate_schedule("cosine", peak_value / div_factor, scales)


def warmup_constant_schedule(init_value: float, peak_value: float, warmup_steps: int) -> Schedule:
    """A line from `init_value` to `peak_value`, which stays; without steps, `init_value` stays.

    >>> print(warmup_constant_schedule(0.0, 0.1, 10))
    linear(start=0.0, end=1.0, length=10) | rate(0.1)
    """
    return linear_schedule(init_value, peak_value, warmup_steps)


def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """A line up, half a cosine down.

    Args:
        init_value: Rate at step 0.
        peak_value: Rate at step `warmup_steps`.
        warmup_steps: Steps up.
        decay_steps: All steps, the warmup's among them.
        end_value: Rate at the end.
        exponent: What the cosine is taken to the power of.

    >>> print(warmup_cosine_decay_schedule(0.0, 0.1, 10, 100))
    cosine(length=90) | warmup(10) | rate(0.1)
    """
    names = ("decay_steps", "warmup_steps")
    left = rest(decay_steps, warmup_steps, "warmup_cosine_decay_schedule", names)
    cosine = _cosine(left, share(end_value, peak_value), exponent)
    return risen(cosine, warmup_steps, share(init_value, peak_value)).rate(peak_value)


def warmup_exponential_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: float | None = None,
) -> Schedule:
    """A line up, then `exponential_decay`.

    Args:
        init_value: Rate at step 0.
        peak_value: Rate at step `warmup_steps`, above 0.
        warmup_steps: Steps up.
        transition_steps: Steps in which the rate falls by `decay_rate`.
        decay_rate: At most 1.
        transition_begin: Steps between the warmup and the decay.
        staircase: Whether it falls at once, every `transition_steps`.
        end_value: The lowest rate after the warmup.

    >>> print(warmup_exponential_decay_schedule(0.0, 0.1, 10, 50, 0.5))
    exponential(0.5, every=50) | warmup(10) | rate(0.1)
    """
    low = None if end_value is None else share(end_value, peak_value)
    after = _exponential(transition_steps, decay_rate, transition_begin, staircase, low)
    return risen(after, warmup_steps, share(init_value, peak_value)).rate(peak_value)


def sgdr_schedule(cosine_kwargs: Iterable[Mapping[str, Any]]) -> Schedule:
    """One `warmup_cosine_decay_schedule` after another.

    Args:
        cosine_kwargs: The arguments of each.

    >>> cycle = dict(init_value=0.0, warmup_steps=5, decay_steps=50)
    >>> print(sgdr_schedule([cycle | {"peak_value": 0.1}, cycle | {"peak_value": 0.05}]))
    join(cosine(length=45) | warmup(5) | rate(0.1), cosine(length=45) | warmup(5) | rate(0.05), boundaries=[50])
    """
    cycles = [dict(kwargs) for kwargs in cosine_kwargs]
    ends = list(itertools.accumulate(cycle["decay_steps"] for cycle in cycles))
    return sequence([warmup_cosine_decay_schedule(**cycle) for cycle in cycles], ends[:-1])


def join_schedules(schedules: Sequence[Any], boundaries: Sequence[int]) -> Schedule:
    """One schedule after another, each from its own step 0; at a boundary the next begins.

    >>> parts = [linear_schedule(0.0, 0.1, 10), constant_schedule(0.1)]
    >>> print(join_schedules(parts, [10]))
    join(linear(start=0.0, end=1.0, length=10) | rate(0.1), constant() | rate(0.1), boundaries=[10])
    """
    if len(boundaries) != len(schedules) - 1:
        raise InvalidInput(
            "join_schedules needs one boundary fewer than schedules. Received: "
            f"{len(schedules)} schedules, boundaries={list(boundaries)!r}."
        )
    return sequence(schedules, boundaries)


def _cosine(steps: int, alpha: float, exponent: float) -> Schedule:
    return ramp(1.0, alpha, steps, Cosine, power=exponent)


def _exponential(
    steps: int, decay_rate: float, begin: int, staircase: bool, low: float | None
) -> Schedule:
    if steps <= 0 or decay_rate == 0:
        return Constant()
    if decay_rate == 1:
        return Constant(1.0 if low is None else min(low, 1.0))
    fall = (StepDecay if staircase else Exponential)(decay_rate, every=steps)
    schedule = delayed(fall, begin)
    return schedule.clip(low) if low else schedule


def _scaled(
    init_value: float, boundaries_and_scales: Mapping[int, float] | None
) -> tuple[list[int], list[float]]:
    """The boundaries above 0, and the value before and from each on."""
    ordered = sorted((boundaries_and_scales or {}).items())
    steps = [whole(step, "optax", "boundary") for step, _ in ordered]
    scales = [float(scale) for _, scale in ordered]
    values = list(itertools.accumulate(scales, operator.mul, initial=float(init_value)))
    passed = sum(step <= 0 for step in steps)
    return steps[passed:], values[passed:]
