"""Boundaries: the lengths, counted from a schedule's start, at which it changes."""

import itertools
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import shown
from keras_lr.schedules.horizon import Horizon, Length, resolve_length, tidy_length


def tidy_boundaries(boundaries: Any, owner: str) -> tuple[Length, ...]:
    """`boundaries` checked: lengths, increasing where their units are the same."""
    if not isinstance(boundaries, list | tuple) or not boundaries:
        raise InvalidInput(
            f"{owner} needs a list of boundaries, such as [100, 200] or ['30%', '60%']. "
            f"Received: {shown(boundaries)}."
        )
    tidy = tuple(tidy_length(length, f"{owner}'s boundary", least=1) for length in boundaries)
    for before, later in itertools.pairwise(tidy):
        pair = (_units(before), _units(later))
        if pair[0][1] == pair[1][1] and pair[0][0] >= pair[1][0]:
            raise InvalidInput(f"{owner}'s boundaries must increase. Received: {list(boundaries)}.")
    return tidy  # type: ignore[return-value]


def resolve_boundaries(
    boundaries: tuple[Length, ...], horizon: Horizon, owner: str
) -> tuple[int, ...]:
    """`boundaries` in steps, at least 1 and each above the one before.

    Relative ones that a short run rounds to the same step are moved apart by a step.
    """
    steps: list[int] = []
    for length in boundaries:
        step = max(resolve_length(length, horizon, f"{owner}'s boundary"), 1)
        if steps and step <= steps[-1]:
            if step < steps[-1] - len(boundaries):
                raise InvalidInput(
                    f"{owner}'s boundaries must increase, but over {horizon.steps} steps "
                    f"{length!r} is step {step}, before {steps[-1]}. Received: {list(boundaries)}."
                )
            step = steps[-1] + 1
        steps.append(step)
    return tuple(steps)


def _units(length: Length | None) -> tuple[float, str]:
    if isinstance(length, int):
        return float(length), "step"
    text = str(length)
    if text.endswith("%"):
        return float(text[:-1]), "%"
    number, unit = text.split()
    return float(number), unit.rstrip("s")
