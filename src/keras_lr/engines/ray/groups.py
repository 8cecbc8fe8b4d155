"""Which trials go to one task."""

from collections.abc import Callable


def groups(count: int, key: Callable[[int], str], *, lanes: int, slots: int) -> list[list[int]]:
    """Cut trials into groups of one structure, as many at least as there are slots.

    Args:
        count: Trials.
        key: The structure of a trial.
        lanes: Trials a group at most.
        slots: Groups that can run side by side.

    >>> groups(6, lambda trial: "ab"[trial % 2], lanes=2, slots=2)
    [[0, 2], [4], [1, 3], [5]]
    >>> groups(4, lambda trial: "a", lanes=16, slots=2)
    [[0, 1], [2, 3]]
    """
    width = max(1, min(lanes, -(-count // slots)))
    alike: dict[str, list[int]] = {}
    for trial in range(count):
        alike.setdefault(key(trial), []).append(trial)
    return [
        members[start : start + width]
        for members in alike.values()
        for start in range(0, len(members), width)
    ]
