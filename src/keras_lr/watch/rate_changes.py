"""How often the rate of a run changed: by its events, or, where it has none, by the curve itself."""

import itertools
import math

from keras_lr.watch.figures.run_lines import points
from keras_lr.watch.run import Run

SAME = 1e-6
"""Rates that differ by less, relatively, are one."""
ALL_ALONG = 0.5
"""From this share of its points on that it falls at, a rate is taken for a schedule's."""


def falls(run: Run) -> int | None:
    """How often the rate fell from one point of its curve to the next; `None` without a curve.

    >>> falls(Run({"loss": [1.0] * 4, "lr": [0.1, 0.1, 0.01, 0.01]})), falls(Run({"loss": [1.0]}))
    (1, None)
    """
    return _counted(run)[0]


def is_smooth(run: Run) -> bool:
    """Whether the rate fell all along, as a schedule lets it."""
    count, of = _counted(run)
    return count is not None and count > 1 and count >= ALL_ALONG * of


def changes(run: Run) -> int | None:
    """How often something changed the rate; `None` where nobody recorded it, or it fell all along.

    >>> changes(Run({"loss": [1.0] * 9, "lr": [0.1] * 5 + [0.01] * 4}))
    1
    """
    if run.events:
        return len(run.events)
    return None if is_smooth(run) else falls(run)


def changes_words(run: Run) -> str:
    """The same for a table.

    >>> changes_words(Run({"loss": [1.0]})), changes_words(Run({"lr": [0.3, 0.2, 0.1]}))
    ('not recorded', 'falls all along')
    """
    if run.events:
        return str(len(run.events))
    count = falls(run)
    if count is None:
        return "not recorded"
    if is_smooth(run):
        return "falls all along"
    return f"{count} drop{'s' * (count != 1)}" if count else "none"


def _counted(run: Run) -> tuple[int | None, int]:
    """Falls, and between how many points."""
    found: list[float] = []
    for name in run.rates[:1]:
        found = [value for _, value in points(run, name) if math.isfinite(value)]
    if not found:
        return None, 0
    pairs = list(itertools.pairwise(found))
    return sum(after < before * (1 - SAME) for before, after in pairs), len(pairs)
