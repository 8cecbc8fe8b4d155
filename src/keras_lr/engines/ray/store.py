"""Arrays in Ray's object store, each put there once."""

import hashlib
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

LARGE = 2**20
"""Bytes from which an array is an object of its own; smaller ones travel together."""


@dataclass
class Store:
    """Puts arrays into the object store, and knows those that are there by their content.

    Ray copies an object to a node when a task there first needs it, and all tasks of the node read
    that copy in place. So what is put once travels once to each node, however many tasks and waves
    there are.

    Args:
        ray: The module.

    Attributes:
        puts: Objects that were put.
        size: Their bytes.
    """

    ray: Any
    puts: int = 0
    size: int = 0
    _by_content: dict[bytes, Any] = field(default_factory=dict)
    _by_identity: dict[int, tuple[Any, bytes]] = field(default_factory=dict)

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
            key = self._key(array)
            if key not in seen:
                seen[key] = len(references)
                references.append(self._reference(key, array, array.nbytes))
            places.append(seen[key])
        together = digest(small)
        size = sum(array.nbytes for array in small)
        references.append(self._reference(together, small, size))
        return places, references

    def forget(self) -> None:
        """Let go of everything that was put."""
        self._by_content.clear()
        self._by_identity.clear()

    def _reference(self, key: bytes, value: Any, size: int) -> Any:
        if key not in self._by_content:
            self._by_content[key] = self.ray.put(value)
            self.puts += 1
            self.size += size
        return self._by_content[key]

    def _key(self, array: np.ndarray) -> bytes:
        """The digest of a large array, computed once for the same object."""
        known = self._by_identity.get(id(array))
        if known is not None and known[0]() is array:
            return known[1]
        key = digest([array])
        self._by_identity[id(array)] = weakref.ref(array), key
        return key


def arrange(places: Sequence[int], objects: Sequence[Any]) -> list[np.ndarray]:
    """The arrays that `Store.put` was given, of its places and what its references stand for."""
    small = iter(objects[-1])
    return [next(small) if place < 0 else objects[place] for place in places]


def digest(arrays: Sequence[np.ndarray]) -> bytes:
    """What identifies these arrays by their content, types and shapes."""
    found = hashlib.blake2b(digest_size=20)
    for array in arrays:
        found.update(f"{array.dtype.str} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return found.digest()
