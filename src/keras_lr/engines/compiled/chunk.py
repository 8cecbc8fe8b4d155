"""Batches of one shape, in a row, on the device: the unit of data that lanes are trained on."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

LIMIT = 64 * 2**20
"""Bytes of data in a chunk, unless a single batch has more."""


class Chunk:
    """A few consecutive batches of the same structure, shapes and dtypes.

    Args:
        batches: What Keras's iterators give: tuples `(x, y, sample_weight)` of nested arrays.
        length: Pad the stacked form to this many batches (with zeros that are never read), so
            that a loop compiled for `length` batches takes it.
    """

    def __init__(self, batches: list[Any], length: int | None = None) -> None:
        self.batches = batches
        self.length = length or len(batches)
        self.key = (*signature(batches[0]),)

    def __len__(self) -> int:
        return len(self.batches)

    def shapes(self) -> Any:
        """Shapes and types that a batch has on the device, in its structure."""
        import jax

        def shape(array: Any) -> Any:
            dtype = jax.dtypes.canonicalize_dtype(array.dtype)
            return jax.ShapeDtypeStruct(array.shape, dtype)

        return jax.tree.map(shape, self.batches[0])

    @cached_property
    def separate(self) -> list[Any]:
        """The batches on the device, one by one."""
        import jax

        return [jax.device_put(batch) for batch in self.batches]

    @cached_property
    def stacked(self) -> Any:
        """The batches on the device with a leading axis of `length`."""
        import jax

        missing = self.length - len(self.batches)

        def stack(*arrays: Any) -> Any:
            host = np.stack([np.asarray(array) for array in arrays])
            return np.pad(host, [(0, missing)] + [(0, 0)] * (host.ndim - 1)) if missing else host

        return jax.device_put(jax.tree.map(stack, *self.batches))


def signature(batch: Any) -> tuple[Any, ...]:
    """Structure, shapes and dtypes of a batch."""
    import jax

    arrays, structure = jax.tree.flatten(batch)
    return (structure, *((array.shape, str(array.dtype)) for array in arrays))


def chunks(batches: Iterable[Any], limit: int = LIMIT) -> Iterator[Chunk]:
    """Cut a stream of batches into chunks of at most `limit` bytes."""
    return _cut(iter(batches), limit)


def _cut(stream: Iterator[Any], limit: int) -> Iterator[Chunk]:
    lengths: dict[Any, int] = {}
    held: list[Any] = []
    for batch in stream:
        if held and (signature(batch) != signature(held[0]) or len(held) >= _room(held[0], limit)):
            yield _chunk(held, lengths)
            held = []
        held.append(batch)
    if held:
        yield _chunk(held, lengths)


def _chunk(held: list[Any], lengths: dict[Any, int]) -> Chunk:
    # The first chunk of a kind sets the length; later, shorter ones are padded up to it.
    key = signature(held[0])
    lengths[key] = max(lengths.get(key, 0), len(held))
    return Chunk(held, lengths[key])


def _room(batch: Any, limit: int) -> int:
    import jax

    return max(1, limit // max(1, sum(array.nbytes for array in jax.tree.leaves(batch))))


def take(batches: Iterable[Any], count: int) -> list[Any]:
    """The first `count` batches."""
    return list(islice(batches, count))
