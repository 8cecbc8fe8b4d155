"""The axis of a chart: whether it is logarithmic, where it ends, where a value lies on it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOSS = 10.0
"""From this ratio of the highest to the lowest on, the axis of a loss is logarithmic."""
RATE = 50.0
"""The same for a rate, which is read from 0 on otherwise, and for what else a run records."""


def logarithmic(values: Iterable[float | None], spread: float = LOSS) -> bool:
    """Whether values are positive and span more than a ratio.

    The lowest fifth doesn't count: a cosine's last steps, next to nothing, would flatten the rest.

    Args:
        values: In any order; what isn't finite doesn't count.
        spread: The ratio of the highest to the lowest.

    >>> logarithmic([1.0, 0.5, 0.01]), logarithmic([1.0, 0.5, 0.2]), logarithmic([1.0, 0.0])
    (True, False, False)
    >>> logarithmic([1.0, 0.9, 0.7, 0.5, 0.3, 1e-6])
    False
    """
    finite = sorted(v for v in values if v is not None and math.isfinite(v))
    return bool(finite) and finite[0] > 0 and finite[-1] > spread * finite[len(finite) // 5]


@dataclass(frozen=True)
class Axis:
    """Where an axis ends, and whether it is logarithmic.

    Args:
        low: The value at its low end.
        high: The value at its high end, above `low`.
        log: Whether equal ratios are equally far apart.

    >>> Axis(1.0, 100.0, True).share(10.0), Axis(1.0, 100.0, True).at(0.5)
    (0.5, 10.0)
    """

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(
        cls,
        values: Sequence[float],
        *,
        spread: float = math.inf,
        from_zero: bool = False,
        margin: float = 0.0,
    ) -> "Axis":
        """The axis that holds finite values.

        Args:
            values: At least one.
            spread: As in `logarithmic`: from which ratio on it is.
            from_zero: Whether it begins at 0 otherwise, where no value is negative.
            margin: The share of its length that is left free at the ends. With one, a logarithmic
                axis leaves out what lies more than a decade below all but a fifth of the values.
        """
        low, high = min(values), max(values)
        if logarithmic(values, spread):
            usual = sorted(values)[len(values) // 5]
            low = max(low, usual / 10) if margin else low
            free = (high / low) ** margin
            return cls(low / free, high * free if high > low else 1.1 * high, True)
        if from_zero and low >= 0:
            return cls(0.0, (1 + margin) * high or 1.0)
        span = high - low or 0.1 * abs(high) or 1.0
        return cls(low - margin * span, (high if high > low else low + span) + margin * span)

    def share(self, value: float) -> float:
        """Where a value lies, from 0 at the low end to 1 at the high; beyond them at the end."""
        inside = min(max(value, self.low), self.high)
        if self.log:
            return math.log(inside / self.low) / math.log(self.high / self.low)
        return (inside - self.low) / (self.high - self.low)

    def at(self, share: float) -> float:
        """The value at a share of its length."""
        if self.log:
            return self.low * (self.high / self.low) ** share
        return self.low + share * (self.high - self.low)
