"""Ranges of a space: where a number may lie, and how it is drawn."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from keras_lr.errors import InvalidInput


@dataclass(frozen=True)
class Uniform:
    """A number between two ends, every one as likely.

    Args:
        lo: The lower end.
        hi: The upper end, above `lo`.

    Raises:
        InvalidInput: For ends that aren't finite numbers in this order.

    >>> Uniform(0.0, 0.5)
    Uniform(lo=0.0, hi=0.5)
    """

    lo: float
    hi: float

    log: ClassVar[bool] = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not _is_number(self.lo) or not _is_number(self.hi) or not self.lo < self.hi:
            raise InvalidInput(
                f"{name}(lo, hi) takes two finite numbers, the lower first. "
                f"Received: {name}({self.lo!r}, {self.hi!r})."
            )
        for end in ("lo", "hi"):
            value = getattr(self, end)
            if isinstance(value, np.generic):  # a stored study is recognised by how it is written
                object.__setattr__(self, end, value.item())

    def distribution(self) -> Any:
        """Optuna's form of it."""
        import optuna

        return optuna.distributions.FloatDistribution(float(self.lo), float(self.hi), log=self.log)


@dataclass(frozen=True)
class LogUniform(Uniform):
    """A positive number between two ends, every factor as likely: the range for rates.

    Args:
        lo: The lower end, above 0.
        hi: The upper end, above `lo`.

    Raises:
        InvalidInput: For ends that aren't positive finite numbers in this order.

    >>> LogUniform(1e-4, 1.0)
    LogUniform(lo=0.0001, hi=1.0)
    """

    log: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lo <= 0:
            raise InvalidInput(
                "LogUniform(lo, hi) draws factors, so both ends are above 0. "
                f"Received: LogUniform({self.lo!r}, {self.hi!r}). Write e.g. LogUniform(1e-4, 1.0)."
            )


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
