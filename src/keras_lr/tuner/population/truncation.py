"""Which members of a population are replaced by whom, and how their settings change with it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.tuner.ranges import Uniform

DIGITS = 6
"""Significant digits of a factor, so that a path is short to write and the same when it is read."""


@dataclass(frozen=True)
class PBT:
    """Population based training (Jaderberg et al. 2017, arXiv 1711.09846), by truncation selection.

    After each interval the worst members go on as copies of random ones of the best: with their
    weights, optimizer state and seeds, and with their rate (and other searched settings) perturbed.

    Args:
        share: The share of the population that is replaced, and the share that is copied; above 0,
            at most 0.5.
        factors: What a setting is multiplied by, one of them at random; positive.
        resample: The probability that a setting is drawn from its range anew instead.

    Raises:
        InvalidInput: For numbers that can't be these.

    >>> PBT(resample=0.25)
    PBT(share=0.2, factors=(0.8, 1.25), resample=0.25)
    """

    share: float = 0.2
    factors: tuple[float, ...] = (0.8, 1.25)
    resample: float = 0.0

    def __post_init__(self) -> None:
        if not _is_number(self.share) or not 0 < self.share <= 0.5:
            raise InvalidInput(
                "share is the share of a population that is replaced, above 0 and at most 0.5. "
                f"Write e.g. PBT(share=0.2). Received: share={self.share!r}."
            )
        given = self.factors if isinstance(self.factors, list | tuple) else ()
        if not given or not all(_is_number(each) and each > 0 for each in given):
            raise InvalidInput(
                "factors are positive numbers that a setting is multiplied by. Write e.g. "
                f"PBT(factors=(0.8, 1.25)). Received: factors={self.factors!r}."
            )
        object.__setattr__(self, "factors", tuple(float(each) for each in given))
        if not _is_number(self.resample) or not 0 <= self.resample <= 1:
            raise InvalidInput(
                "resample is a probability, from 0 to 1. Write e.g. PBT(resample=0.25). "
                f"Received: resample={self.resample!r}."
            )

    def replaced(
        self, values: Mapping[int, float], direction: str, random: np.random.Generator
    ) -> dict[int, int]:
        """Who is replaced by a copy of whom.

        Args:
            values: What each member has reached; NaN and infinity are worse than any number.
            direction: `"minimize"` or `"maximize"`.
            random: Chooses among the best.

        Returns:
            Member to source; no source is replaced itself. Empty where no member is sound.
        """
        sound = _ranked(values, direction)
        lost = sorted(set(values) - set(sound))
        count = min(max(1, int(self.share * len(values))), len(values) // 2)
        best = sound[:count]
        worst = [*sound, *lost][-max(count, len(lost)) :]
        return _paired([member for member in worst if member not in best], best, random)

    def rescued(
        self, values: Mapping[int, float], direction: str, random: np.random.Generator
    ) -> dict[int, int]:
        """The same of those members only that are lost: their value is no finite number."""
        sound = _ranked(values, direction)
        count = max(1, int(self.share * len(values)))
        return _paired(sorted(set(values) - set(sound)), sound[:count], random)

    def rate(self, factor: float, base: float, member: Any, random: np.random.Generator) -> float:
        """The factor of the base rate with which a copy goes on.

        It may leave the range that members start in: rates have to fall in the end.

        Args:
            factor: What it was.
            base: The rate that it multiplies.
            member: The range or choices of the rate, as a `Space` has them.
            random: Chooses.
        """
        again, times = self._moved(random)
        return _rounded(_drawn(member, random) / base if again else factor * times)

    def setting(self, value: float, member: Any, random: np.random.Generator) -> float:
        """Another setting, with which a copy goes on: within its range, or one of its choices.

        Args:
            value: What it was.
            member: Its range or choices.
            random: Chooses.
        """
        again, times = self._moved(random)
        if again:
            return _rounded(_drawn(member, random))
        if isinstance(member, Uniform):
            return _rounded(min(max(value * times, member.lo), member.hi))
        values = sorted(member.values)
        place = values.index(value) + (1 if times > 1 else -1)
        return float(values[min(max(place, 0), len(values) - 1)])

    def _moved(self, random: np.random.Generator) -> tuple[bool, float]:
        """Whether to draw anew, and else by what to multiply."""
        return random.random() < self.resample, self.factors[random.integers(len(self.factors))]


def _ranked(values: Mapping[int, float], direction: str) -> list[int]:
    """The sound members, best first."""
    sign = 1 if direction == "minimize" else -1
    sound = [member for member, value in values.items() if math.isfinite(value)]
    return sorted(sound, key=lambda member: (sign * values[member], member))


def _paired(members: list[int], sources: list[int], random: np.random.Generator) -> dict[int, int]:
    if not sources:
        return {}
    return {member: sources[random.integers(len(sources))] for member in sorted(members)}


def _drawn(member: Any, random: np.random.Generator) -> float:
    if not isinstance(member, Uniform):
        return float(member.values[random.integers(len(member.values))])
    if not member.log:
        return float(random.uniform(member.lo, member.hi))
    return math.exp(random.uniform(math.log(member.lo), math.log(member.hi)))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
