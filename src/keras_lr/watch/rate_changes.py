"""What the rate of a run did: by its events, or, where it has none, by the curve itself."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_lr.watch.run import Run
from keras_lr.watch.run.axis import points
from keras_lr.watch.style import number, schedule_words

SAME = 1e-6
"""Rates that differ by less, relatively, are one."""
ALL_ALONG = 0.5
"""From this share of its points on that it moves at, a rate is taken for a schedule's."""


@dataclass(frozen=True)
class RateChanges:
    """How often the rate of a run was changed.

    Args:
        values: The rate, where it was recorded; of several optimizers the first one's.
        events: What changed it, where that was told.
        told: Whether events were told at all.

    >>> RateChanges.of(Run({"loss": [1.0] * 9, "lr": [0.1] * 5 + [0.01] * 4})).count
    1
    >>> RateChanges.of(Run({"loss": [1.0]})).table_words()
    'not recorded'
    """

    values: tuple[float, ...]
    events: tuple[Any, ...]
    told: bool

    @classmethod
    def of(cls, run: Run) -> "RateChanges":
        """Those of a run."""
        found = [v for name in run.rates[:1] for _, v in points(run, name) if math.isfinite(v)]
        return cls(tuple(found), run.changes, bool(run.events))

    @property
    def falls(self) -> int:
        """How often it was lower at one point of its curve than at the one before."""
        return sum(after < before * (1 - SAME) for before, after in itertools.pairwise(self.values))

    @property
    def rises(self) -> int:
        """How often it was higher."""
        return sum(after * (1 - SAME) > before for before, after in itertools.pairwise(self.values))

    @property
    def smooth(self) -> bool:
        """Whether it moved all along, as a schedule lets it."""
        moves = self.falls + self.rises
        return moves > 1 and moves >= ALL_ALONG * (len(self.values) - 1)

    @property
    def count(self) -> int | None:
        """How often something changed it; `None` where nobody recorded it, or it moved all along."""
        if self.told:
            return len(self.events)
        return None if self.smooth or not self.values else self.falls + self.rises

    def table_words(self) -> str:
        """The same for a table.

        >>> RateChanges((0.3, 0.2, 0.1), (), False).table_words()
        'falls all along'
        >>> RateChanges((0.3, 0.3, 0.3, 0.1), (), False).table_words()
        '1 cut'
        """
        if self.told:
            return str(len(self.events))
        if not self.values:
            return "not recorded"
        if self.smooth:
            return "moves all along" if self.rises else "falls all along"
        count, what = self.falls + self.rises, "change" if self.rises else "cut"
        return f"{count} {what}{'s' * (count != 1)}" if count else "none"


def rate_words(run: Run) -> str:
    """What the rate did, in words without a full stop; nothing where nobody knows.

    >>> rate_words(Run({"loss": [1.0] * 3, "lr": [0.1] * 3}))
    'the rate stayed at 0.1'
    >>> rate_words(Run({"loss": [1.0] * 3, "lr": [0.1, 0.05, 0.0]}, schedule="linear()"))
    'the rate went 0.1 → 0 by linear'
    >>> rate_words(Run({"loss": [1.0] * 4, "lr": [0.2, 0.2, 0.2, 0.02]}))
    'the rate was cut once, 0.2 → 0.02'
    """
    found = RateChanges.of(run)
    schedule = schedule_words(run.schedule or "")
    if found.events:
        return _by_events(found.events, schedule)
    if not found.values:
        return f"the rate followed {schedule}" if schedule else ""
    first, last, highest = found.values[0], found.values[-1], max(found.values)
    ends = f"{number(first)} → {number(last)}"
    if highest > max(first, last) * (1 + SAME):
        ends = f"{number(first)} → {number(highest)} → {number(last)}"
    if not found.falls and not found.rises:
        return f"the rate stayed at {number(first)}"
    if schedule:
        return f"the rate went {ends} by {schedule}"
    if found.rises:
        return f"the rate went {ends}"
    if found.smooth:
        return f"the rate fell all along, {ends}"
    return f"the rate was cut {_times(found.falls)}, {ends}"


def _by_events(events: Sequence[Any], schedule: str) -> str:
    """Who changed it, how often, and how far."""
    told = []
    for who in dict.fromkeys(each.who for each in events):
        factors = [each.factor for each in events if each.who == who]
        deed = "set" if who == "set" else "cut" if max(factors) < 1.0 else "changed"
        subject = "something outside" if who == "set" else who
        told.append(f"{subject} {deed} {'it' if told else 'the rate'} {_times(len(factors))}")
    before = events[0].rate / events[0].factor if events[0].factor else math.nan
    total = math.prod(each.factor for each in events)
    whole = not any(each.member for each in events)
    if schedule:
        told[-1] += (
            f" (×{number(total)} in all) beside {schedule}" if whole else f" beside {schedule}"
        )
    elif whole:
        told[-1] += f", {number(before)} → {number(events[-1].rate)}"
    return "; ".join(told)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
