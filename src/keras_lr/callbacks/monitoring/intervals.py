"""Which steps a monitor measures in: those that may do an interval's or an epoch's last update."""

SPARE = 10
"""Updates before an epoch's last that are measured too where a loss scale may skip that one."""


def is_measured(
    total: int, done: int, coming: int, *, every: int, batches: int, accumulated: int, spare: int
) -> bool:
    """Whether an execution may do the last update of an interval or an epoch.

    An interval ends with the execution in which it would have.

    Args:
        total: Batches that the run has done.
        done: Those of this epoch.
        coming: Batches that the execution takes.
        every: Batches of an interval; 0 where an epoch is one.
        batches: Of an epoch; 0 where nobody knows, and each execution may be its last.
        accumulated: Batches of an update, of which each may be the one that does it.
        spare: Updates that a loss scale may skip at an epoch's end.

    >>> where = dict(coming=1, every=3, batches=5, accumulated=1, spare=0)
    >>> [at + 1 for at in range(10) if is_measured(at, at % 5, **where)]
    [3, 5, 6, 9, 10]
    >>> where = dict(coming=4, every=3, batches=8, accumulated=1, spare=0)
    >>> [at + 4 for at in range(0, 16, 4) if is_measured(at, at % 8, **where)]
    [4, 8, 12, 16]
    """
    after = coming + accumulated - 1
    if every and (total + after) // every > total // every:
        return True
    return not batches or done + after + spare * accumulated >= batches
