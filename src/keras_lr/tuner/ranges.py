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

    def ends(self) -> tuple[Any, ...]:
        """Both ends and a number between them, as trials are given them: what is checked first."""
        return self.lo, self.hi, self.lo + 0.382 * (self.hi - self.lo)

    def place(self, value: float) -> float:
        """Where a value lies in the range: 0 at its lower end, 1 at its upper.

        >>> Uniform(1.0, 3.0).place(1.5), LogUniform(1e-4, 1.0).place(0.01)
        (0.25, 0.5)
        """
        lo, hi, at = (math.log(v) if self.log else v for v in (self.lo, self.hi, value))
        return (at - lo) / (hi - lo)


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

    @classmethod
    def around(cls, value: float, factor: float = 10.0) -> "LogUniform":
        """The range from `value / factor` to `value * factor`.

        Args:
            value: Its middle, above 0: a rate that worked before, say.
            factor: How far to either side, above 1.

        Raises:
            InvalidInput: For numbers that aren't such.

        >>> LogUniform.around(0.1)
        LogUniform(lo=0.01, hi=1.0)
        """
        if not (_is_number(value) and value > 0 and _is_number(factor) and factor > 1):
            raise InvalidInput(
                "LogUniform.around(value, factor) takes a positive number and a factor above 1. "
                f"Received: LogUniform.around({value!r}, {factor!r})."
            )
        return cls(value / factor, value * factor)


@dataclass(frozen=True)
class Integers(Uniform):
    """A whole number between two ends, both of them included.

    Args:
        lo: The lowest.
        hi: The highest, above `lo`.

    Raises:
        InvalidInput: For ends that aren't whole numbers in this order.

    >>> Integers(2, 8)
    Integers(lo=2, hi=8)
    """

    lo: int
    hi: int

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        if self.lo != int(self.lo) or self.hi != int(self.hi):
            raise InvalidInput(
                f"{name}(lo, hi) takes two whole numbers. Received: {name}({self.lo!r}, "
                f"{self.hi!r}). For others write Uniform({self.lo!r}, {self.hi!r})."
            )
        object.__setattr__(self, "lo", int(self.lo))
        object.__setattr__(self, "hi", int(self.hi))
        if self.log and self.lo < 1:
            raise InvalidInput(
                "LogIntegers(lo, hi) draws factors, so both ends are at least 1. "
                f"Received: LogIntegers({self.lo!r}, {self.hi!r})."
            )

    def distribution(self) -> Any:
        """Optuna's form of it."""
        import optuna

        return optuna.distributions.IntDistribution(self.lo, self.hi, log=self.log)

    def ends(self) -> tuple[Any, ...]:
        """Both ends and a number between them."""
        return self.lo, self.hi, self.lo + round(0.382 * (self.hi - self.lo))


@dataclass(frozen=True)
class LogIntegers(Integers):
    """A whole number between two ends, every factor as likely: the range for widths and sizes.

    Args:
        lo: The lowest, at least 1.
        hi: The highest, above `lo`.

    Raises:
        InvalidInput: For ends that aren't positive whole numbers in this order.

    >>> LogIntegers(8, 512)
    LogIntegers(lo=8, hi=512)
    """

    log: ClassVar[bool] = True


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
