"""Rates that Keras's own callbacks assign, told where no `LearningRate` tells of them."""

from collections.abc import Sequence

from keras_lr.rate.moment import Assignment
from keras_lr.state.rate_event import RateEvent

ROW = 3
"""So many assignments within as many epochs are a schedule's."""
MOST = 1000
"""Of more assignments nobody looks what they are."""


def assigned(assignments: Sequence[Assignment], batches: int, accumulated: int) -> list[RateEvent]:
    """Assignments as events; of several optimizers the first one's.

    None where they are a schedule's, such as those of Keras's `LearningRateScheduler`, which the
    curve of the rate shows.

    Args:
        assignments: In order.
        batches: Of an epoch; 0 where nobody knows.
        accumulated: Batches of one update.

    Told at once, an event may turn out to be a schedule's: `settled` are those that can't any more.

    >>> [(e.step, e.epoch, e.rate) for e in assigned([Assignment(20, 0, 0.01)], 10, 2)]
    [(10, 1, 0.01)]
    >>> assigned([Assignment(batch, 0, 0.01) for batch in (10, 20, 30)], 10, 1)
    []
    """
    if len(assignments) > MOST:
        return []
    events = [
        RateEvent(
            step=each.batch // accumulated,
            # An epoch's end, where such callbacks act, is the epoch's.
            epoch=max(0, each.batch - 1) // batches if batches else 0,
            cause="set",
            factor=1.0,
            rate=each.rate,
            reason="a callback, or somebody else, assigned it",
        )
        for each in assignments
        if each.leaf == 0
    ]
    return [] if _is_schedule([event.epoch for event in events]) else events


def settled(events: Sequence[RateEvent], over: int | None) -> list[RateEvent]:
    """Those of `assigned` that no later assignment makes a schedule's.

    Args:
        events: What it gave.
        over: The number of the last epoch that is over; `None` when the fit is.
    """
    return [event for event in events if over is None or event.epoch <= over - ROW + 1]


def _is_schedule(epochs: Sequence[int]) -> bool:
    """Whether some epochs in a row have an assignment each, or one has some."""
    pairs = zip(epochs, epochs[ROW - 1 :], strict=False)
    return any(last - first < ROW for first, last in pairs)
