"""Where a trial's data begins: every trial has to see the same batches in the same order."""

import sys
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The state of the data's own random generators at one moment; `restore()` puts it back.

    A `PyDataset` may shuffle an array of indices, a torch `DataLoader` may have a generator of its
    own: neither is in any global state that a seed reaches.
    """

    states: tuple[tuple[Any, Any, Any], ...]

    @classmethod
    def take(cls, *data: Any) -> "Origin":
        """The present state of each of `data`: datasets, or data without any state."""
        from keras_lr.callbacks.backup.data_state import DataState

        watched = [DataState(_adapter(each)) for each in data if _is_dataset(each)]
        return cls(tuple((each, each.draws(), each.take()) for each in watched))

    def restore(self) -> None:
        """Go back to that state."""
        for state, draws, own in self.states:
            state.set_draws(draws)
            state.put_back(own)


def seed_all(seed: int) -> None:
    """Keras's `set_random_seed`, and torch's generator wherever torch is loaded.

    A `DataLoader` draws its order from torch's global generator, on any backend; Keras seeds that
    on the torch backend only.
    """
    import keras

    keras.utils.set_random_seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def can_shuffle(data: Any) -> bool:
    """Whether `fit`'s own `shuffle` means anything: for arrays and `PyDataset`s; else it warns."""
    import keras

    if isinstance(data, keras.utils.PyDataset):
        return getattr(data, "num_batches", None) is not None
    return hasattr(data, "shape") or isinstance(data, list | tuple | dict) or _is_frame(data)


def _is_frame(data: Any) -> bool:
    return hasattr(data, "to_numpy")


def _is_dataset(data: Any) -> bool:
    import keras

    return isinstance(data, keras.utils.PyDataset) or _is_loader(data)


def _is_loader(data: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(data, torch.utils.data.DataLoader)


def _adapter(data: Any) -> Any:
    """What `DataState` asks of one of Keras's data adapters."""
    return SimpleNamespace(**{"_dataloader" if _is_loader(data) else "py_dataset": data})
