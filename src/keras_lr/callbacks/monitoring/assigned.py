"""Rates that Keras's own callbacks assign, told where no `LearningRate` tells of them."""

from collections.abc import Sequence
from itertools import groupby

from keras_lr.rate.moment import Assignment
from keras_lr.state.rate_event import RateEvent

ROW = 3
"""So many assignments by the same one within as many epochs are a schedule's."""
MOST = 1000
"""Of more assignments nobody looks what they are."""


def assigned(
    assignments: Sequence[Assignment], batches: int, accumulated: int, *, over: int | None = None
) -> list[RateEvent]:
    """Assignments as events; of several optimizers the first one's.

    None where they are a schedule's, such as those of Keras's `LearningRateScheduler`, which the
    curve of the rate shows. What `ReduceLROnPlateau` assigns is none, however often it cuts.

    Args:
        assignments: In order.
        batches: Of an epoch; 0 where nobody knows.
        accumulated: Batches of one update.
        over: The number of the last epoch that is over: what a later assignment may make a
            schedule's isn't told yet. `None` tells all that are none so far.

    >>> [(e.step, e.epoch, e.factor) for e in assigned([Assignment(20, 0, 0.05, 0.1)], 10, 2)]
    [(10, 1, 0.5)]
    >>> row = [Assignment(batch, 0, 0.01) for batch in (10, 20, 30)]
    >>> assigned(row, 10, 1), assigned(row[:1], 10, 1, over=1)
    ([], [])
    """
    if len(assignments) > MOST:
        return []
    events = []
    by = lambda each: (each.reduces, each.by)  # noqa: E731
    first = sorted((each for each in assignments if each.leaf == 0), key=by)
    for (reduces, _), group in groupby(first, by):
        found = [_event(each, batches, accumulated) for each in group]
        if not reduces:
            found = [] if _is_schedule([event.epoch for event in found]) else found
            found = [event for event in found if over is None or event.epoch <= over - ROW + 1]
        events += found
    return sorted(events, key=lambda event: event.step)


def _event(each: Assignment, batches: int, accumulated: int) -> RateEvent:
    return RateEvent(
        step=each.batch // accumulated,
        # An epoch's end, where such callbacks act, is the epoch's.
        epoch=max(0, each.batch - 1) // batches if batches else 0,
        cause="set",
        factor=each.factor,
        rate=each.rate,
        reason=each.reason,
    )


def _is_schedule(epochs: Sequence[int]) -> bool:
    """Whether some epochs in a row have an assignment each, or one has some."""
    pairs = zip(epochs, epochs[ROW - 1 :], strict=False)
    return any(last - first < ROW for first, last in pairs)
