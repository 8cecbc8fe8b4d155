"""Which trials go to one task."""

from collections.abc import Callable

from keras_lr.engines.compiled.settings import CLIPPING, INPUTS
from keras_lr.engines.trial import TrialSpec
from keras_lr.engines.whole_settings import SMOOTHING

NUMBERS = ("learning_rate", SMOOTHING, *INPUTS)
"""Settings in which trials of one program may differ."""


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


def structure(spec: TrialSpec) -> str:
    """What decides the program of a trial, as far as it can be told without its model.

    >>> rates = [TrialSpec({"learning_rate": rate, "batch_size": 32}) for rate in (0.1, 0.2)]
    >>> structure(rates[0]) == structure(rates[1])
    True
    >>> structure(rates[0]) == structure(TrialSpec({"learning_rate": 0.1, "batch_size": 64}))
    False
    """
    settings = {
        name: "a number" if _is_input(name, value) else value
        for name, value in spec.settings.items()
    }
    return repr((sorted(spec.arguments.items(), key=repr), sorted(settings.items(), key=repr)))


def _is_input(name: str, value: object) -> bool:
    if name not in NUMBERS or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return name not in CLIPPING or value != 0
