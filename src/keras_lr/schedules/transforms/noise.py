"""Seeded noise on a schedule, a pure function of the step."""

from dataclasses import KW_ONLY, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_least, at_most, periods_modulo
from keras_lr.schedules.checks import number, positive, shown, whole_number
from keras_lr.schedules.explain import times
from keras_lr.schedules.horizon import Horizon
from keras_lr.schedules.period import Period, resolve_period, tidy_period
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform

_SIZES = (2039, 2053)
"""Two primes: the sum of two tables of these lengths repeats after four million draws."""


@register
@dataclass(frozen=True)
class Noise(Transform):
    """Multiply by 1 + noise, normal and cut off at ± `limit`; as the noise of timm's schedulers.

    The noise depends on the step and the seed alone, so that a run that is resumed sees the same,
    and it stops where the schedule is over. It is drawn from a table that repeats after
    2039 × 2053 draws. (timm draws from torch's generator; its values are its own.)

    Args:
        schedule: What is disturbed.
        std: Standard deviation of the noise, above 0.
        every: It is drawn anew so often: steps, or "1 epoch" (timm's).
        limit: It is cut off at ± this, above 0 and below 1; timm's `noise_pct`.
        seed: From 0 to 2^64 - 1.

    >>> Noise(1.0, std=0.1, seed=1)([0, 1, 2]).round(3)
    array([0.936, 1.037, 1.003])
    """

    example = "cosine(0.5, end=0.1) | noise(0.2, every=5%, seed=3)"
    lengths = ("every",)

    std: float = 0.1
    _: KW_ONLY
    every: Period = 1
    limit: float = 0.67
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "std", positive(self.std, "Noise", "std"))
        object.__setattr__(self, "every", tidy_period(self.every, "Noise's every"))
        object.__setattr__(self, "limit", number(self.limit, "Noise", "limit", most=1.0))
        if self.limit in (0.0, 1.0):
            raise InvalidInput(
                "Noise needs a limit above 0 and below 1, so that no rate is lost to it. "
                f"Received: limit={self.limit!r}."
            )
        seed = whole_number(self.seed)
        if seed is None or not 0 <= seed < 2**64:
            raise InvalidInput(
                "Noise needs a whole number as seed, from 0 to 2^64 - 1. "
                f"Received: seed={shown(self.seed)}."
            )
        object.__setattr__(self, "seed", seed)

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule times 1 + noise."""
        return self.schedule.formula(step, xp) * self._factor(step, xp)

    def _factor(self, step: Any, xp: Any) -> Any:
        span = self.schedule.span()
        if span is not None:
            step = at_most(step, span, xp)
        noise = 0.0
        for table in _tables(self.seed):
            draw = periods_modulo(step, self.every, len(table))  # type: ignore[arg-type]
            draw = draw.astype(np.int64) if xp is np else xp.cast(draw, "int32")
            known = table if xp is np else xp.convert_to_tensor(table.astype(np.float32))
            noise = noise + xp.take(known, draw, axis=0)
        noise = at_most(at_least(noise * self.std, -self.limit, xp), self.limit, xp)
        return 1.0 + noise

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """`every` in steps."""
        every = resolve_period(self.every, horizon, "every")
        return type(self)(
            self.schedule.lay(horizon, room),
            self.std,
            every=every,
            limit=self.limit,
            seed=self.seed,
        )

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The factor, which a schedule at 0 has too."""
        return times(float(self._factor(np.int64(step), np)))


@lru_cache(maxsize=64)
def _tables(seed: int) -> tuple[np.ndarray, ...]:
    """Two tables of normal numbers, whose sum has a variance of 1."""
    random = np.random.Generator(np.random.PCG64(seed))
    return tuple(random.standard_normal(size) / np.sqrt(2.0) for size in _SIZES)
