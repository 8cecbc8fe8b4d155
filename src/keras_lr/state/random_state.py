"""The state of every global random number generator, taken and put back.

Python's, NumPy's and Keras's own, and torch's and TensorFlow's where they are loaded (a Keras
layer on one backend may well use another's generator). JAX has none. The one private thing read
here is Keras's global state: it holds the generator behind `seed=None` and the counters behind
automatic names, and has no public accessor.

`take` and `restore` work within a process; `to_state` and `from_state` carry a state to another one,
as JSON values and arrays (without the automatic names, which are the other process's own).
"""

import copy
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class RandomState:
    """Global random state at one moment; `take()` reads it, `restore()` puts it back."""

    python: Any
    numpy: Any
    keras: tuple[Any, np.ndarray | None, Any]
    torch: tuple[Any, Any] | None
    tensorflow: tuple[Any, Any, Any] | None

    @classmethod
    def take(cls) -> "RandomState":
        """The present state."""
        return cls(
            python=random.getstate(),
            numpy=np.random.get_state(),
            keras=_take_keras(),
            torch=_take_torch(),
            tensorflow=_take_tensorflow(),
        )

    def restore(self) -> None:
        """Go back to this state."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        _restore_keras(self.keras)
        _restore_torch(self.torch)
        _restore_tensorflow(self.tensorflow)

    def to_state(self) -> dict[str, Any]:
        """As JSON values and arrays."""
        return {
            "python": self.python,
            "numpy": self.numpy,
            "keras": self.keras[1],
            "torch": _torch_to_state(self.torch),
            "tensorflow": _tensorflow_to_state(self.tensorflow),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "RandomState":
        """What `to_state` gave, in this process; generators that it doesn't have are left out."""
        version, internal, gauss = state["python"]
        generator, _, names = _take_keras()
        if generator is None and state["keras"] is not None:
            generator = _make_keras_generator()
        return cls(
            python=(version, tuple(internal), gauss),
            numpy=state["numpy"],
            keras=(generator, state["keras"], names),
            torch=_torch_from_state(state["torch"]),
            tensorflow=_tensorflow_from_state(state["tensorflow"]),
        )


def take_keras_seed() -> np.ndarray | None:
    """The state of Keras's global generator; `None` while there is none."""
    return _take_keras()[1]


def restore_keras_seed(state: np.ndarray) -> None:
    """Put back what `take_keras_seed` gave, if the generator is still there."""
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute(_GENERATOR)
    if generator is not None:
        generator.state.assign(state)


_GENERATOR = "global_seed_generator"
_NAMES = "object_name_uids"


def _take_keras() -> tuple[Any, np.ndarray | None, Any]:
    import keras
    from keras.src.backend.common import global_state

    generator = global_state.get_global_attribute(_GENERATOR)
    state = (
        None if generator is None else np.array(keras.ops.convert_to_numpy(generator.state.value))
    )
    return generator, state, copy.deepcopy(global_state.get_global_attribute(_NAMES))


def _restore_keras(taken: tuple[Any, np.ndarray | None, Any]) -> None:
    from keras.src.backend.common import global_state

    generator, state, names = taken
    if generator is not None and state is not None:
        generator.state.assign(state)
    global_state.set_global_attribute(_GENERATOR, generator)
    global_state.set_global_attribute(_NAMES, copy.deepcopy(names))


def _make_keras_generator() -> Any:
    from keras.src.random import seed_generator

    return seed_generator.global_seed_generator()


def _take_torch() -> tuple[Any, Any] | None:
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    # Asking an unused CUDA for its state would start it, and take its memory.
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return torch.get_rng_state(), cuda


def _restore_torch(taken: tuple[Any, Any] | None) -> None:
    if taken is None:
        return
    torch = sys.modules["torch"]
    torch.set_rng_state(taken[0])
    if taken[1] is not None:
        torch.cuda.set_rng_state_all(taken[1])


def _torch_to_state(taken: tuple[Any, Any] | None) -> dict[str, Any] | None:
    if taken is None:
        return None
    cpu, cuda = taken
    return {"cpu": cpu.numpy(), "cuda": None if cuda is None else [each.numpy() for each in cuda]}


def _torch_from_state(state: Mapping[str, Any] | None) -> tuple[Any, Any] | None:
    torch = sys.modules.get("torch")
    if state is None or torch is None:
        return None
    cuda = state["cuda"]
    if cuda is not None and (
        not torch.cuda.is_available() or torch.cuda.device_count() != len(cuda)
    ):
        cuda = None  # another machine, whose devices have other generators
    return (
        torch.from_numpy(state["cpu"].copy()),
        None if cuda is None else [torch.from_numpy(each.copy()) for each in cuda],
    )


def _take_tensorflow() -> tuple[Any, Any, Any] | None:
    if "tensorflow" not in sys.modules:
        return None
    from tensorflow.python.eager import context as eager  # type: ignore[import-not-found]

    context = eager.context()
    generator = getattr(context, "_rng", None)
    return context._seed, generator, None if generator is None else generator.getstate()


def _restore_tensorflow(taken: tuple[Any, Any, Any] | None) -> None:
    if taken is None:
        return
    from tensorflow.python.eager import context as eager  # type: ignore[import-not-found]

    context = eager.context()
    seed, generator, state = taken
    context._seed = seed
    context._rng = generator
    if generator is not None:
        generator.setstate(state)
        # A cached kernel keeps its own count for its pair of seeds; setting a seed clears them too.
        context.clear_kernel_cache()


def _tensorflow_to_state(taken: tuple[Any, Any, Any] | None) -> dict[str, Any] | None:
    return None if taken is None else {"seed": taken[0], "generator": taken[2]}


def _tensorflow_from_state(state: Mapping[str, Any] | None) -> tuple[Any, Any, Any] | None:
    if state is None or "tensorflow" not in sys.modules:
        return None
    if state["generator"] is None:
        return state["seed"], None, None
    version, internal, gauss = state["generator"]
    return state["seed"], random.Random(), (version, tuple(internal), gauss)
