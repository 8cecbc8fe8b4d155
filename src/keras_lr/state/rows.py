"""Rows of values, one an epoch or one an update, as columns and as curves."""

from collections.abc import Iterable, Mapping
from typing import Any

Rows = Mapping[int, Mapping[str, float]]
"""The values of some epochs, or at some updates, by their number."""


def columns(rows: Rows, places: Iterable[int]) -> dict[str, list[float | None]]:
    """Each name's value at each place, `None` where it has none.

    >>> columns({0: {"loss": 2.0}, 2: {"loss": 1.0, "mae": 3.0}}, range(3))
    {'loss': [2.0, None, 1.0], 'mae': [None, None, 3.0]}
    """
    places = list(places)
    names = dict.fromkeys(name for values in rows.values() for name in values)
    return {name: [rows.get(at, {}).get(name) for at in places] for name in names}


def curves(rows: Rows) -> dict[str, list[tuple[int, float]]]:
    """Each name's places and values, in order of the places.

    >>> curves({8: {"loss": 1.0}, 4: {"loss": 2.0, "lr": 0.1}})
    {'loss': [(4, 2.0), (8, 1.0)], 'lr': [(4, 0.1)]}
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for at in sorted(rows):
        for name, value in rows[at].items():
            found.setdefault(name, []).append((at, value))
    return found


def is_numeric(value: Any) -> bool:
    """Whether what was logged is a number, or text that is one.

    >>> is_numeric("1e-3"), is_numeric("NaN"), is_numeric("run 3")
    (True, True, False)
    """
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
