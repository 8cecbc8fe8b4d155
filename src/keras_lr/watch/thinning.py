"""Fewer points of a curve, so that a picture stays small: no peak and no dip is lost."""

import math
from collections.abc import Sequence


def kept(values: Sequence[float | None], most: int) -> list[int]:
    """Which points are drawn: both ends, and the lowest and the highest of each stretch.

    A stretch without a finite value keeps its first point, which is a gap in the line.

    Args:
        values: The curve's; `None`, NaN or infinite where it has no point.
        most: Points to keep, at most; 4 and more.

    >>> kept([5.0, 4.0, 9.0, 3.0, 0.1, 2.0, 1.0, 1.0], 6)
    [0, 2, 3, 4, 5, 7]
    >>> kept([2.0, 1.0], 6)
    [0, 1]
    """
    if len(values) <= most:
        return list(range(len(values)))
    last = len(values) - 1
    stretches = (most - 2) // 2
    found = [0]
    for part in range(stretches):
        begin = 1 + part * (last - 1) // stretches
        end = 1 + (part + 1) * (last - 1) // stretches
        finite = [(v, i) for i in range(begin, end) if _known(v := values[i])]
        ends = {min(finite)[1], max(finite)[1]} if finite else {begin}
        found += sorted(ends)
    return [*found, last]


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
