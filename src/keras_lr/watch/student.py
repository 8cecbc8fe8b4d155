"""Student's t: how likely a mean difference this far from zero is, if there were none."""

import math
import statistics
from collections.abc import Sequence


def two_sided(t: float, freedom: int) -> float:
    """The probability of a t at least this far from 0, on either side.

    The finite series for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3, 26.7.4).

    Args:
        t: The statistic.
        freedom: Degrees of freedom, at least 1.

    >>> round(two_sided(2.776, 4), 3), round(two_sided(9.925, 2), 3)
    (0.05, 0.01)
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    # The terms are cos^k times a product of ratios; k is even for an even count, else odd.
    power = freedom % 2
    term, total = (cosine if power else 1.0), 0.0
    while power <= freedom - 2:
        total += term
        power += 2
        term *= cosine**2 * (power - 1) / power
    within = 2 / math.pi * (angle + sine * total) if freedom % 2 else sine * total
    return min(1.0, max(0.0, 1 - within))


def paired(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p-value of the paired t-test; 1 where nothing can be told.

    Args:
        first: A score for each seed, n ≥ 2.
        second: The other way's score for each of the same seeds.

    >>> round(paired([1.0, 2.0, 3.0], [0.0, 0.5, 2.5]), 4)
    0.0742
    """
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    if len(gaps) < 2 or not all(map(math.isfinite, gaps)):
        return 1.0
    mean, spread = statistics.fmean(gaps), statistics.stdev(gaps)
    if mean == 0:
        return 1.0
    if spread == 0:
        return 0.0
    return two_sided(mean / (spread / math.sqrt(len(gaps))), len(gaps) - 1)
