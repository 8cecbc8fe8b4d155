"""Lines through stretches of a curve, and how sure they are."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Line:
    """A least-squares line.

    Args:
        slope: By how much y rises with x.
        error: The slope's standard error; 0 where the points lie on the line.
        noise: Standard deviation of the points about it.
    """

    slope: float
    error: float
    noise: float

    @property
    def falls(self) -> float:
        """How many standard errors the slope is below 0; infinite without noise.

        >>> line_through([0, 1, 2], [3.0, 2.0, 1.0]).falls
        inf
        """
        if self.error == 0:
            return math.inf if self.slope < 0 else (0.0 if self.slope == 0 else -math.inf)
        return -self.slope / self.error


def line_through(x: Any, y: Any) -> Line:
    """The line through at least three points.

    >>> line_through([0, 1, 2, 3], [0.0, 2.0, 4.0, 6.0]).slope
    2.0
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    off = x - x.mean()
    spread = float((off**2).sum())
    if spread == 0:
        return Line(0.0, math.inf, float(y.std()))
    slope = float((off * y).sum()) / spread
    # What rounding leaves of points on a line is no noise, and of equal ones no slope.
    nothing = 1e-12 * (float(np.abs(y).max()) or 1.0)
    if abs(slope) * float(np.ptp(x)) < nothing:
        slope = 0.0
    rest = y - y.mean() - slope * off
    rest[np.abs(rest) < nothing] = 0.0
    variance = float((rest**2).sum()) / max(len(x) - 2, 1)
    return Line(slope, math.sqrt(variance / spread), math.sqrt(variance))


def roughness(y: Any) -> float:
    """The standard deviation of a curve about itself, whatever its trend; 0 for fewer than 3 points.

    From second differences, which a straight stretch doesn't have: those of white noise have 6 times
    its variance. Their median decides, so that one jump doesn't.

    >>> roughness([5.0, 4.0, 3.0, 2.0])
    0.0
    """
    y = np.asarray(y, float)
    if len(y) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(y, 2)))) / 0.6745 / math.sqrt(6)


def own_time(rates: Any) -> np.ndarray:
    """Where training stands in the middle of each epoch, in epochs at its highest rate.

    Gradient descent moves by rate × gradient, so that rates add up to its time: an epoch at half
    the rate brings half as far.

    Args:
        rates: Of the last update of each epoch.

    >>> own_time([0.1, 0.1, 0.05, 0.05])
    array([0.5  , 1.5  , 2.375, 3.   ])
    """
    rates = np.asarray(rates, float)
    mean = (np.concatenate([rates[:1], rates[:-1]]) + rates) / 2
    ends = np.cumsum(mean)
    return (ends - mean / 2) / rates.max()
