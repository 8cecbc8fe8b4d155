"""Arrays in Ray's object store, each put there once."""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

LARGE = 2**20
"""Bytes from which an array is an object of its own; smaller ones travel together."""


@dataclass
class Store:
    """Puts arrays into the object store, each once as long as it lives in this process.

    Ray copies an object to a node when a task there first needs it, and all tasks of the node read
    that copy in place. So what is put once travels once to each node, however many tasks and waves
    there are. What nobody here has any more isn't kept there either, but for the tasks that need it.

    Args:
        ray: The module.

    Attributes:
        puts: Objects that were put.
        size: Their bytes.
    """

    ray: Any
    puts: int = 0
    size: int = 0
    _known: dict[tuple[int, ...], tuple[Any, list[Any]]] = field(default_factory=dict)

    def put(self, arrays: Sequence[np.ndarray]) -> tuple[list[int], list[Any]]:
        """Put those that aren't there yet.

        Returns:
            For each array the place of its object, or -1 for the next one of the small ones,
            which are a list in the last object; and the objects' references.
        """
        small = [array for array in arrays if array.nbytes < LARGE]
        places, references, seen = [], [], {}
        for array in arrays:
            if array.nbytes < LARGE:
                places.append(-1)
                continue
            if id(array) not in seen:
                seen[id(array)] = len(references)
                references.append(self._reference([array], array))
            places.append(seen[id(array)])
        references.append(self._reference(small, small))
        return places, references

    def forget(self) -> None:
        """Let go of everything that was put."""
        self._known.clear()

    def _reference(self, arrays: list[np.ndarray], value: Any) -> Any:
        key = tuple(map(id, arrays))
        if key not in self._known:
            reference = self.ray.put(value)
            self.puts += 1
            self.size += sum(array.nbytes for array in arrays)
            # Forgotten with the first of them: another array may have its place then.
            forget = partial(self._forget, key)
            self._known[key] = reference, [weakref.ref(array, forget) for array in arrays]
        return self._known[key][0]

    def _forget(self, key: tuple[int, ...], _: Any) -> None:
        self._known.pop(key, None)


def arrange(places: Sequence[int], objects: Sequence[Any]) -> list[np.ndarray]:
    """The arrays that `Store.put` was given, of its places and what its references stand for."""
    small = iter(objects[-1])
    return [next(small) if place < 0 else objects[place] for place in places]
