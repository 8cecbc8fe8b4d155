"""Rates that Keras's own callbacks assign, told where no `LearningRate` tells of them."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from keras_lr.rate.moment import Assignment
from keras_lr.state.rate_event import RateEvent

ROW = 3
"""So many assignments by the same one within as many epochs are a schedule's."""
MOST = 1000
"""More assignments by the same one are a schedule's, and nobody looks at each."""


def assigned(
    assignments: Sequence[Assignment],
    epoch_of: Callable[[int], int],
    *,
    accumulated: int = 1,
    over: int | None = None,
) -> list[RateEvent]:
    """Assignments as events; of several optimizers the first one's.

    None where they are a schedule's, such as those of Keras's `LearningRateScheduler`, which the
    curve of the rate shows. What `ReduceLROnPlateau` assigns is none, however often it cuts.

    Args:
        assignments: In order.
        epoch_of: The number of the epoch that an assignment's `batch` lies in, or ends.
        accumulated: Batches of one update.
        over: The number of the last epoch that is over: what a later assignment may make a
            schedule's isn't told yet. `None` tells all that are none so far.

    >>> def epoch_of(batch):
    ...     return (batch - 1) // 10
    >>> cut = Assignment(20, 0, 0.05, 0.1)
    >>> [(e.step, e.epoch, e.factor) for e in assigned([cut], epoch_of, accumulated=2)]
    [(10, 1, 0.5)]
    >>> row = [Assignment(10 * n, 0, 0.01, by="Scheduler") for n in range(1, 1002)]
    >>> assigned(row[:3], epoch_of), assigned(row[:1], epoch_of, over=1)
    ([], [])
    >>> plateau = Assignment(9000, 0, 0.005, 0.01, "ReduceLROnPlateau", reduces=True)
    >>> [event.epoch for event in assigned([*row, plateau], epoch_of)]
    [899]
    """
    events = []
    by = attrgetter("reduces", "by")
    first = sorted((each for each in assignments if each.leaf == 0), key=by)
    for (reduces, _), group in groupby(first, by):
        each_found = list(group)
        if not reduces and len(each_found) > MOST:
            continue
        found = [_event(each, epoch_of(each.batch), accumulated) for each in each_found]
        if not reduces:
            found = [] if _is_schedule([event.epoch for event in found]) else found
            found = [event for event in found if over is None or event.epoch <= over - ROW + 1]
        events += found
    return sorted(events, key=lambda event: event.step)


def _event(each: Assignment, epoch: int, accumulated: int) -> RateEvent:
    return RateEvent(
        step=each.batch // accumulated,
        epoch=epoch,
        cause="set",
        factor=each.factor,
        rate=each.rate,
        reason=each.reason,
    )


def _is_schedule(epochs: Sequence[int]) -> bool:
    """Whether some epochs in a row have an assignment each, or one has some."""
    pairs = zip(epochs, epochs[ROW - 1 :], strict=False)
    return any(last - first < ROW for first, last in pairs)
