"""Which callback of a fit is which of the fit before: by class, place, and what it was built with."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Generic, TypeVar

from keras_lr.callbacks.warning import warn

_Value = TypeVar("_Value")
_SUBJECTS = ("monitor", "mode", "filepath", "filename")
"""What a callback's state is about: of another metric or file it says nothing."""


class ByIdentity(MutableMapping[Any, _Value], Generic[_Value]):
    """A dictionary whose keys are objects as such: those that are equal stay two, and none needs a hash.

    >>> one, other = [], []
    >>> named = ByIdentity([(one, "one"), (other, "other")])
    >>> named[other], [] in named, len(named)
    ('other', False, 2)
    """

    def __init__(self, items: Iterable[tuple[Any, _Value]] = ()) -> None:
        self._items: dict[int, tuple[Any, _Value]] = {}
        for key, value in items:
            self[key] = value

    def __getitem__(self, key: Any) -> _Value:
        return self._items[id(key)][1]

    def __setitem__(self, key: Any, value: _Value) -> None:
        self._items[id(key)] = key, value  # who is held keeps its id

    def __delitem__(self, key: Any) -> None:
        del self._items[id(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter([key for key, _ in self._items.values()])

    def __len__(self) -> int:
        return len(self._items)


def names_of(callbacks: Sequence[Any]) -> ByIdentity[str]:
    """A name for each callback: its class, numbered where there are several of one.

    >>> import keras
    >>> list(names_of([keras.callbacks.History(), keras.callbacks.History()]).values())
    ['History', 'History 2']
    """
    seen: dict[str, int] = {}
    names: ByIdentity[str] = ByIdentity()
    for callback in callbacks:
        kind = type(callback).__name__
        count = seen[kind] = seen.get(kind, 0) + 1
        names[callback] = kind if count == 1 else f"{kind} {count}"
    return names


def settings_of(callback: Any) -> dict[str, Any]:
    """Its attributes that are single numbers, words or nothing, by which it is known again."""
    single = (bool, int, float, str, type(None))
    return {
        name: value
        for name, value in vars(callback).items()
        if not name.startswith("_") and type(value) in single
    }


def owners_of(
    names: Mapping[Any, str], saved: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], set[str]]:
    """Of the names in a backup, which callback of this fit has it.

    Among those of one class the one with the same metric and file is taken, and of several such the
    one with the most settings alike, then the first.

    Args:
        names: The callbacks of this fit, and their names (`names_of`).
        saved: Of each name in the backup, the settings (`settings_of`).

    Returns:
        Each name's callback; and the names that none has although there is a callback of the class,
        which starts anew, and is warned of.
    """
    ours = [(callback, name, settings_of(callback)) for callback, name in names.items()]
    pairs = []
    for row, (name, settings) in enumerate(saved.items()):
        for place, (callback, own, present) in enumerate(ours):
            if _kind(own) == _kind(name) and not _differences(settings, present):
                alike = sum(present.get(key, ...) == value for key, value in settings.items())
                pairs.append((-alike, name != own, row, place, name, callback))
    found: dict[str, Any] = {}
    taken: ByIdentity[str] = ByIdentity()
    for *_, name, callback in sorted(pairs, key=lambda pair: pair[:4]):
        if name not in found and callback not in taken:
            found[name] = callback
            taken[callback] = name
    anew: set[str] = set()
    for name, settings in saved.items():
        left = [each for each in ours if _kind(each[1]) == _kind(name) and each[0] not in taken]
        if name not in found and left:
            callback, own, present = left[0]
            taken[callback] = name
            anew.add(name)
            was, now = zip(*_differences(settings, present), strict=True)
            warn(
                f"The backup's {name} has {', '.join(was)}, and the fit's {own} has {', '.join(now)}: "
                "the saved state is about something else, and it starts anew. Write it as it was to "
                "go on with its state."
            )
    return found, anew


def _kind(name: str) -> str:
    return name.partition(" ")[0]


def _differences(saved: Mapping[str, Any], present: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (f"{name}={saved[name]!r}", f"{name}={present[name]!r}")
        for name in _SUBJECTS
        if name in saved and name in present and saved[name] != present[name]
    ]
