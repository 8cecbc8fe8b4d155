"""The batches that a finder trains on, from anything that `fit` takes.

Arrays are shuffled here, from a seed of the finder's own, and repeated without end; the global
generators and the user's arrays are left alone. Datasets are read from their start, again and
again. A Python generator can be read only once, so it is refused: what the finder read would be
missing from the training.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput

BATCH_SIZE = 32
"""What `fit` takes when nothing is said."""


class Batches:
    """Tuples `(x, y)` or `(x, y, sample_weight)` without end; each iteration begins anew.

    Args:
        x: Arrays (also nested in lists, tuples or dictionaries), or a dataset that yields batches.
        y: Targets, for arrays.
        sample_weight: Weights, for arrays.
        batch_size: Rows of a batch, for arrays; 32 by default, as in `fit`.
        seed: Of the order of the rows.

    Raises:
        InvalidInput: For lengths that differ, for NaN or inf in the data, for a generator.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.seed = seed
        self.batch_size = _check_batch_size(batch_size)
        self.dataset = x if _is_dataset(x) else None
        if self.dataset is not None:
            _check_dataset(x, y, sample_weight, batch_size)
            return
        given = {"x": x, "y": y, "sample_weight": sample_weight}
        self.arrays = {
            name: _arrays(value, name) for name, value in given.items() if value is not None
        }
        if not self.arrays:
            raise InvalidInput("find needs data to train on. Received: x=None.")
        self.rows = _check_rows(self.arrays)
        self.batch_size = min(self.batch_size, self.rows)

    @property
    def steps_per_epoch(self) -> int | None:
        """Batches in one pass over the data, or `None` where a dataset doesn't say."""
        if self.dataset is None:
            return -(-self.rows // self.batch_size)
        try:
            length = len(self.dataset)
        except (TypeError, NotImplementedError):
            return None
        return length if length > 0 else None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._shuffled() if self.dataset is None else self._repeated()

    def sample(self) -> Any:
        """The inputs of one batch."""
        return next(iter(self))[0]

    def _shuffled(self) -> Iterator[tuple[Any, ...]]:
        import keras

        generator = np.random.default_rng(self.seed)
        # Whole batches only: a partial one would be another shape to compile, and noisier.
        last = self.rows - self.batch_size
        while True:
            order = generator.permutation(self.rows)
            for start in range(0, last + 1, self.batch_size):
                rows = order[start : start + self.batch_size]
                yield tuple(
                    keras.tree.map_structure(lambda array, rows=rows: _take(array, rows), value)
                    for value in self.arrays.values()
                )

    def _repeated(self) -> Iterator[tuple[Any, ...]]:
        while True:
            empty = True
            for batch in _once(self.dataset):
                empty = False
                yield tuple(batch) if isinstance(batch, list | tuple) else (batch,)
            if empty:
                raise InvalidInput(
                    f"The dataset yields no batches. Received: x={type(self.dataset).__name__}."
                )


def _once(dataset: Any) -> Iterator[Any]:
    import keras

    if not isinstance(dataset, keras.utils.PyDataset):
        yield from dataset
        return
    count = dataset.num_batches
    index = 0
    while count is None or index < count:
        yield dataset[index]
        index += 1
    dataset.on_epoch_end()


def _is_dataset(x: Any) -> bool:
    import keras

    if isinstance(x, keras.utils.PyDataset) or _is_iterator(x):
        return True
    if isinstance(x, list | tuple | dict) or hasattr(x, "shape") or hasattr(x, "to_numpy"):
        return False
    return hasattr(x, "__iter__") and not isinstance(x, str)


def _check_dataset(x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> None:
    if _is_iterator(x):
        raise InvalidInput(
            "A generator can be read only once, and find would take batches that the training then "
            "misses. Pass arrays, a keras.utils.PyDataset, or another dataset that starts anew "
            f"each time it is iterated. Received: x={type(x).__name__}."
        )
    for name, value in {"y": y, "sample_weight": sample_weight, "batch_size": batch_size}.items():
        if value is not None:
            raise InvalidInput(
                f"{name} can't be given beside a dataset, whose batches hold it already. "
                f"Received: x={type(x).__name__}, {name}={type(value).__name__}."
            )


def _is_iterator(x: Any) -> bool:
    """Whether `x` is an iterator: reading it uses it up."""
    return hasattr(x, "__next__")


def _check_batch_size(batch_size: Any) -> int:
    if batch_size is None:
        return BATCH_SIZE
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise InvalidInput(
            "batch_size must be a positive whole number, as in fit(). "
            f"Received: batch_size={batch_size!r}."
        )
    return batch_size


def _arrays(value: Any, name: str) -> Any:
    """The same nesting with NumPy arrays in it, checked."""
    import keras

    def convert(where: str, leaf: Any) -> np.ndarray:
        if hasattr(leaf, "to_numpy"):
            leaf = leaf.to_numpy()
        elif keras.ops.is_tensor(leaf):
            leaf = keras.ops.convert_to_numpy(leaf)
        array = np.asarray(leaf)
        if array.ndim == 0:
            raise InvalidInput(
                f"{where} must be an array with a row for each sample. Received: {leaf!r} (of "
                f"type {type(leaf).__name__}). Write np.asarray({name}) if it is a list."
            )
        # Strings are TensorFlow's only.
        if array.dtype.kind not in ("biufcSU" if _takes_text() and name == "x" else "biufc"):
            raise InvalidInput(
                f"{where} must hold numbers. Write {name}=np.asarray({name}, dtype='float32'), or "
                f"encode labels with np.unique({name}, return_inverse=True)[1]. "
                f"Received: {where} of dtype {array.dtype}."
            )
        if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
            count = int((~np.isfinite(array)).sum())
            raise InvalidInput(
                f"{where} holds {count} NaN or infinite values, and every loss would be NaN. Fill "
                f"or drop them first, e.g. np.nan_to_num({name}). "
                f"Received: {where} with shape {array.shape}."
            )
        return array

    if isinstance(value, np.ndarray):
        return convert(name, value)
    found = [convert(where, leaf) for where, leaf in _named(name, value)]
    return keras.tree.pack_sequence_as(value, found)


def _takes_text() -> bool:
    import keras

    return keras.backend.backend() == "tensorflow"


def _named(name: str, value: Any) -> list[tuple[str, Any]]:
    """Each array of a nesting with the expression that names it: `x['image']`."""
    import keras

    return [
        (name + "".join(f"[{part!r}]" for part in path), leaf)
        for path, leaf in keras.tree.flatten_with_path(value)
    ]


def _check_rows(arrays: dict[str, Any]) -> int:
    lengths = {
        where: len(leaf) for name, value in arrays.items() for where, leaf in _named(name, value)
    }
    found = ", ".join(f"{name}: {length}" for name, length in lengths.items())
    if len(set(lengths.values())) > 1:
        raise InvalidInput(f"All arrays must have as many rows. Received: {found}.")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise InvalidInput(f"There are no rows to train on. Received: {found}.")
    if rows == 1:
        raise InvalidInput(
            "One row tells nothing about a rate; pass at least 2, better the whole training data. "
            f"If the row is one sample, write x=x[None]. Received: {found}."
        )
    return rows


def _take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    import keras

    taken = array[rows]
    # As fit's own adapter does: a float64 target would make TensorFlow compute in float64.
    if np.issubdtype(taken.dtype, np.floating):
        return taken.astype(keras.config.floatx(), copy=False)
    return taken
