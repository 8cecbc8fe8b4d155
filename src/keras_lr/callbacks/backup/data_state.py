"""What training data itself holds that decides its order: its generators, and its whole numbers.

A `keras.utils.PyDataset` may shuffle its indices when an epoch ends, and a torch `DataLoader` may have
a generator of its own. Neither is in any global random state.
"""

import copy
import hashlib
import random
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_lr.callbacks.warning import warn

_SAMPLE = 1000
"""Values by which it is seen that an array has changed."""


class DataState:
    """The own state of what one of Keras's data adapters reads.

    Args:
        adapter: The `fit`'s.
    """

    def __init__(self, adapter: Any) -> None:
        self._generators = _generators(adapter)
        dataset = getattr(adapter, "py_dataset", None)
        self._dataset = dataset if _changes(dataset) or _speaks(dataset) else None
        self._samples = {} if _speaks(dataset) else _samples(self._dataset)

    def draws(self) -> list[Any]:
        """The state of each generator, as plain data."""
        return [_drawn(each) for each in self._generators]

    def set_draws(self, states: Sequence[Any]) -> None:
        """Go back to what `draws` gave."""
        for each, state in zip(self._generators, states, strict=False):
            _set_drawn(each, state)

    def take(self) -> Any:
        """What the dataset says of itself, or its numbers and orders; `None` if it never changes."""
        if self._dataset is None:
            return None
        if _speaks(self._dataset):
            return self._dataset.get_state()
        return {
            name: copy.deepcopy(value)
            for name, value in vars(self._dataset).items()
            if _is_order(value)
        }

    def put_back(self, state: Any) -> None:
        """Go back to what `take` gave."""
        if self._dataset is None or state is None:
            return
        if _speaks(self._dataset):
            self._dataset.set_state(state)
            return
        for name, value in state.items():
            present: Any = getattr(self._dataset, name, None)
            if _holds(present, value):
                present[...] = value  # others may have the same array
                continue
            setattr(self._dataset, name, copy.deepcopy(value))

    def warn_of_lost(self) -> None:
        """Warn, once, if the dataset has changed what isn't saved."""
        if not self._samples:
            return
        now = _samples(self._dataset)
        changed = [name for name, one in self._samples.items() if one != now.get(name)]
        if changed:
            self._samples = {}
            warn(
                f"The PyDataset changes {', '.join(changed)} from epoch to epoch, which isn't in the "
                "backup: a run that goes on would have another order. Shuffle an array of indices "
                "instead, or give the dataset get_state() and set_state(state)."
            )


def _speaks(dataset: Any) -> bool:
    return callable(getattr(dataset, "get_state", None)) and callable(
        getattr(dataset, "set_state", None)
    )


def _changes(dataset: Any) -> bool:
    if dataset is None:
        return False
    base = keras.utils.PyDataset
    return any(
        getattr(type(dataset), name, None) is not getattr(base, name)
        for name in ("on_epoch_begin", "on_epoch_end")
    )


def _is_order(value: Any) -> bool:
    """Whether a value may be where a dataset stands: a number, text, or a row of whole numbers."""
    if type(value) in (bool, int, float, str) or isinstance(value, np.integer | np.floating):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and value.dtype.kind in "iu"
    return type(value) is list and all(type(each) is int for each in value)


def _holds(array: Any, value: Any) -> bool:
    both = isinstance(array, np.ndarray) and isinstance(value, np.ndarray)
    return (
        both and array.shape == value.shape and array.dtype == value.dtype and array.flags.writeable
    )


def _samples(dataset: Any) -> dict[str, str]:
    """A few values of each array that isn't saved, by which it is seen that it changes."""
    if dataset is None:
        return {}
    return {
        name: _sample(value)
        for name, value in vars(dataset).items()
        if isinstance(value, np.ndarray) and value.size and not _is_order(value)
    }


def _sample(array: np.ndarray) -> str:
    flat = array.reshape(-1) if array.flags.c_contiguous else array
    step = max(1, len(flat) // _SAMPLE)
    content = np.ascontiguousarray(flat[::step])
    return hashlib.sha1(content.tobytes() if not content.dtype.hasobject else b"").hexdigest()


def _generators(adapter: Any) -> list[Any]:
    loader = getattr(adapter, "_dataloader", None)
    batches = getattr(loader, "batch_sampler", None)
    holders = [
        getattr(adapter, "py_dataset", None),
        loader,
        getattr(loader, "sampler", None),
        batches,
        getattr(batches, "sampler", None),
        getattr(loader, "dataset", None),
    ]
    kinds: tuple[type, ...] = (np.random.Generator, np.random.RandomState, random.Random)
    if "torch" in sys.modules:
        kinds = (*kinds, sys.modules["torch"].Generator)
    found: dict[int, Any] = {}
    for holder in holders:
        for value in getattr(holder, "__dict__", {}).values():
            if isinstance(value, kinds):
                found.setdefault(id(value), value)
    return list(found.values())


def _drawn(generator: Any) -> Any:
    if isinstance(generator, np.random.Generator):
        return copy.deepcopy(generator.bit_generator.state)
    if isinstance(generator, random.Random):
        return generator.getstate()
    state = generator.get_state()
    return state if isinstance(generator, np.random.RandomState) else state.numpy().copy()


def _set_drawn(generator: Any, state: Any) -> None:
    if isinstance(generator, np.random.Generator):
        if isinstance(state, Mapping):
            generator.bit_generator.state = state
    elif isinstance(generator, random.Random):
        version, internal, gauss = state
        generator.setstate((version, tuple(internal), gauss))
    elif isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.set_state(sys.modules["torch"].from_numpy(state.copy()))
