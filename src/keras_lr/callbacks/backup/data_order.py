"""Which batches an epoch gives, in which order: so that a run can go on in the middle of one.

Keras draws the order of an epoch from a global generator when the epoch's iterator begins. To go on
after `k` batches, the generators are set back to where they were then, the iterator is begun again,
`k` batches are read without training on them, and the generators get the state that they had later.
Generators and numbers that the data itself holds are put back likewise (`DataState`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keras_lr.callbacks.backup.data_state import DataState
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
        self._own = DataState(iterator.data_adapter)
        self._begun: Mapping[str, Any] | None = None
        self._first: Mapping[str, Any] | None = None
        self._replayed: tuple[Mapping[str, Any], int] | None = None
        self._awaited: Any = None  # what the data is given back when the epoch has begun for it
        self._get_iterator, self._enumerate = iterator._get_iterator, iterator._enumerate_iterator
        iterator._get_iterator = self._beginning
        iterator._enumerate_iterator = self._followed

    def random_state(self) -> dict[str, Any]:
        """All random state now: the global one, and that of the data's own generators."""
        return {**RandomState.take().to_state(), "own": self._own.draws()}

    def set_random_state(self, state: Mapping[str, Any] | None) -> None:
        """Go back to what `random_state` gave."""
        if state is not None:
            RandomState.from_state(state).restore()
            self._own.set_draws(state["own"])

    def get_state(self) -> dict[str, Any]:
        """What the same place needs to be found again; before the next batch is read."""
        return {
            "begun": self._begun,
            "first": self._first,
            "read": self._iterator._steps_seen,
            "now": self.random_state(),
            "dataset": self._own.take(),
        }

    def replay(self, state: Mapping[str, Any], done: int) -> None:
        """Begin the next epoch where another run stood.

        At an epoch's start there is nothing to read again, unless one iterator serves several.

        Args:
            state: What `get_state` gave.
            done: Batches of the epoch that are done.
        """
        if done:
            self._awaited = state["dataset"]
        else:
            self._own.put_back(state["dataset"])
        if state["begun"] is not None and (done or self._iterator.steps_per_epoch):
            self._replayed = (state, done)

    def warn_of_lost(self) -> None:
        """At an epoch's end: warn if the data has changed in a way that isn't saved."""
        self._own.warn_of_lost()

    def _beginning(self) -> Any:
        self._own.put_back(self._awaited)
        self._awaited = None
        self._begun, self._first = self.random_state(), None
        return self._get_iterator()

    def _followed(self) -> Iterator[Any]:
        iterator, each = self._iterator, self._iterator.steps_per_execution
        state, done = self._replayed or ({}, 0)
        self._replayed = None
        lasting = bool(iterator.steps_per_epoch)  # one iterator then serves several epochs
        if state:
            self.set_random_state(state["begun"])
            if lasting:
                self._begin_lasting(state, done)
        for step in self._enumerate():
            begin, end, batches = step
            if iterator._steps_seen == each:  # it has just begun
                self.set_random_state(state.get("first"))
                self._first = self.random_state()
            if begin < done:
                self._read(batches, min(each, done - begin), done)
                continue
            if state:
                self.set_random_state(state["now"])
                state = {}
            yield begin, end, batches
            self._step_done()

    def _begin_lasting(self, state: Mapping[str, Any], done: int) -> None:
        iterator = self._iterator
        iterator._current_iterator = iter(iterator._get_iterator())
        ahead = max(0, state["read"] - done)
        if ahead:
            self.set_random_state(state["first"])
            self._first = self.random_state()
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


def warn_of_order(iterator: Any, *, inside: bool) -> None:
    """Warn of data whose order can't be found again, where that is known.

    Args:
        iterator: The `fit`'s.
        inside: Whether the run goes on inside an epoch.
    """
    adapter = iterator.data_adapter
    kind = type(adapter).__name__
    if kind == "TFDatasetAdapter" and _shuffles(getattr(adapter, "_dataset", None), inside=inside):
        effect = (
            "the rest of this epoch may repeat samples and leave others out"
            if inside
            else "every epoch is whole, but its order is another than if the run hadn't been cut off"
        )
        warn(
            "The tf.data.Dataset shuffles by itself, in an order that can't be found again: "
            f"{effect}. Arrays and keras.utils.PyDataset go on exactly."
        )
    elif inside and kind == "ArrayDataAdapter" and _by_tensorflow(iterator) and adapter._shuffle:
        from tensorflow.python.eager import context  # type: ignore[import-not-found]

        if context.context()._seed is None:
            warn(
                "TensorFlow draws the order of arrays by itself, and without a seed it can't be "
                "found again: the rest of this epoch may repeat samples and leave others out. "
                "Write keras.utils.set_random_seed(0) before the model is built."
            )


def _by_tensorflow(iterator: Any) -> bool:
    return hasattr(iterator, "_distributed_dataset")


def _shuffles(dataset: Any, *, inside: bool) -> bool:
    while dataset is not None:
        if "Shuffle" in type(dataset).__name__ and (
            inside or getattr(dataset, "_reshuffle_each_iteration", None) is not False
        ):
            return True
        dataset = getattr(dataset, "_input_dataset", None)
    return False


def _is_end(problem: Exception) -> bool:
    return isinstance(problem, StopIteration) or type(problem).__name__ == "OutOfRangeError"
