"""Which batches an epoch gives, in which order: so that a run can go on in the middle of one.

Keras draws the order of an epoch from a global generator when the epoch's iterator begins. To go on
after `k` batches, the generators are set back to where they were then, the iterator is begun again,
`k` batches are read without training on them, and the generators get the state that they had later.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.state.random_state import RandomState


class DataOrder:
    """Follows what one of Keras's `EpochIterator`s reads, for the length of a `fit`.

    Args:
        iterator: The `fit`'s.
        step_done: Called when a step is done and the next batch isn't read yet, in the thread that
            trains. (Not after an epoch's last step, if the data tells its length.)
    """

    def __init__(self, iterator: Any, step_done: Callable[[], None]) -> None:
        self._iterator = iterator
        self._step_done = step_done
        self._begun: RandomState | None = None
        self._first: RandomState | None = None
        self._replayed: tuple[Mapping[str, Any], int] | None = None
        self._get_iterator, self._enumerate = iterator._get_iterator, iterator._enumerate_iterator
        iterator._get_iterator = self._beginning
        iterator._enumerate_iterator = self._followed

    def get_state(self, now: RandomState) -> dict[str, Any]:
        """What the same place needs to be found again.

        Args:
            now: The global random state, before the next batch is read.
        """
        return {
            "begun": None if self._begun is None else self._begun.to_state(),
            "first": None if self._first is None else self._first.to_state(),
            "read": self._iterator._steps_seen,
            "now": now.to_state(),
        }

    def replay(self, state: Mapping[str, Any], done: int) -> None:
        """Begin the next epoch where another run stood.

        At an epoch's start there is nothing to find again, unless one iterator serves several.

        Args:
            state: What `get_state` gave.
            done: Batches of the epoch that are done.
        """
        if state["begun"] is not None and (done or self._iterator.steps_per_epoch):
            self._replayed = (state, done)

    def _beginning(self) -> Any:
        self._begun, self._first = RandomState.take(), None
        return self._get_iterator()

    def _followed(self) -> Iterator[Any]:
        iterator, each = self._iterator, self._iterator.steps_per_execution
        state, done = self._replayed or ({}, 0)
        self._replayed = None
        lasting = bool(iterator.steps_per_epoch)  # one iterator then serves several epochs
        if state:
            _restore(state["begun"])
            if lasting:
                self._begin_lasting(state, done)
        for step in self._enumerate():
            begin, end, batches = step
            if iterator._steps_seen == each:  # it has just begun
                _restore(state.get("first"))
                self._first = RandomState.take()
            if begin < done:
                self._read(batches, min(each, done - begin), done)
                continue
            if state:
                _restore(state["now"])
                state = {}
            yield begin, end, batches
            self._step_done()

    def _begin_lasting(self, state: Mapping[str, Any], done: int) -> None:
        iterator = self._iterator
        iterator._current_iterator = iter(iterator._get_iterator())
        ahead = max(0, state["read"] - done)
        if ahead:
            _restore(state["first"])
            self._first = RandomState.take()
            self._read(iterator._current_iterator, ahead, ahead)
        iterator._steps_seen = ahead

    def _read(self, batches: Any, count: int, wanted: int) -> None:
        for _ in range(count):
            try:
                next(batches)
            except Exception as problem:
                if not _is_end(problem):
                    raise
                raise InvalidInput(
                    f"The data ends before the {wanted} batches that the saved run had read. Give "
                    "fit the data that it had, or delete the backup's folder to start anew."
                ) from None


def warn_of_order(iterator: Any) -> None:
    """Warn of data whose order can't be found again, where that is known."""
    adapter = iterator.data_adapter
    kind = type(adapter).__name__
    if kind == "TFDatasetAdapter" and _shuffles(getattr(adapter, "_dataset", None)):
        warn(
            "The tf.data.Dataset shuffles by itself, in an order that can't be found again: the "
            "rest of this epoch may repeat samples and leave others out. Arrays and "
            "keras.utils.PyDataset go on exactly."
        )
    elif kind == "ArrayDataAdapter" and _by_tensorflow(iterator) and adapter._shuffle:
        from tensorflow.python.eager import context  # type: ignore[import-not-found]

        if context.context()._seed is None:
            warn(
                "TensorFlow draws the order of arrays by itself, and without a seed it can't be "
                "found again: the rest of this epoch may repeat samples and leave others out. "
                "Write keras.utils.set_random_seed(0) before the model is built."
            )
    elif kind == "TorchDataLoaderAdapter" and adapter._dataloader.generator is not None:
        warn(
            "The DataLoader has a generator of its own, whose state isn't saved: the rest of this "
            "epoch may repeat samples and leave others out. Without generator= it goes on exactly."
        )


def _by_tensorflow(iterator: Any) -> bool:
    return hasattr(iterator, "_distributed_dataset")


def _shuffles(dataset: Any) -> bool:
    while dataset is not None:
        if "Shuffle" in type(dataset).__name__:
            return True
        dataset = getattr(dataset, "_input_dataset", None)
    return False


def _is_end(problem: Exception) -> bool:
    return isinstance(problem, StopIteration) or type(problem).__name__ == "OutOfRangeError"


def _restore(state: Mapping[str, Any] | None) -> None:
    if state is not None:
        RandomState.from_state(state).restore()
