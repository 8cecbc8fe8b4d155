"""The batches that a finder trains on, from anything that `fit` takes.

Arrays are shuffled here, from a seed of the finder's own, and repeated without end; the global
generators and the user's arrays are left alone. Datasets are read from their start, again and
again. A Python generator can be read only once, so it is refused: what the finder read would be
missing from the training.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_lr.engines.data_checks import as_array, check_data, is_array_data, is_iterator
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
        self.arrays = check_data(x, y, sample_weight)
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
        import keras

        while True:
            empty = True
            for batch in _once(self.dataset):
                empty = False
                parts = tuple(batch) if isinstance(batch, list | tuple) else (batch,)
                yield keras.tree.map_structure(_own, parts)
            if empty:
                raise InvalidInput(
                    f"The dataset yields no batches. Received: x={type(self.dataset).__name__}."
                )


def _own(leaf: Any) -> Any:
    """A leaf of a batch as the backend takes it: another framework's tensors by way of NumPy."""
    import keras

    return leaf if leaf is None or keras.ops.is_tensor(leaf) else as_array(leaf)


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
    return x is not None and not is_array_data(x) and hasattr(x, "__iter__")


def _check_dataset(x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> None:
    if is_iterator(x):
        raise InvalidInput(
            "A generator can be read only once, and find would take batches that the training then "
            "misses. Pass arrays, a keras.utils.PyDataset, or another dataset that starts anew "
            f"each time it is iterated. Received: x={type(x).__name__}."
        )
    check_data(x, y, sample_weight)
    if batch_size is not None:
        raise InvalidInput(
            "batch_size can't be given beside a dataset, whose batches hold it already. "
            f"Received: x={type(x).__name__}, batch_size={batch_size!r}."
        )


def _check_batch_size(batch_size: Any) -> int:
    if batch_size is None:
        return BATCH_SIZE
    if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
        raise InvalidInput(
            "batch_size must be a positive whole number, as in fit(). "
            f"Received: batch_size={batch_size!r}."
        )
    return batch_size


def _check_rows(arrays: dict[str, Any]) -> int:
    import keras

    leaves = [leaf for value in arrays.values() for leaf in keras.tree.flatten(value)]
    if not all(isinstance(leaf, np.ndarray) for leaf in leaves):
        raise InvalidInput(
            "find takes dense arrays. Write x.toarray() (scipy), or tf.sparse.to_dense(x). "
            f"Received: {', '.join(sorted({type(leaf).__name__ for leaf in leaves}))}."
        )
    rows = len(leaves[0])
    if rows == 1:
        raise InvalidInput(
            "One row tells nothing about a rate; pass at least 2, better the whole training data. "
            f"If the row is one sample, write x=x[None]. Received: x of {rows} row."
        )
    return rows


def _take(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    import keras

    taken = array[rows]
    # As fit's own adapter does: a float64 target would make TensorFlow compute in float64.
    if np.issubdtype(taken.dtype, np.floating):
        return taken.astype(keras.config.floatx(), copy=False)
    return taken
