"""What is known of a `fit` that is running, which Keras tells callbacks nothing about.

Keras's callbacks get the number of batches, not their size, and hear nothing of a fit that raised.
Both can be seen in the running `fit` itself: this is the one place that looks.
"""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from keras_lr.rate.leaves import chain


def is_fitting(model: Any) -> bool:
    """Whether a `fit` of this model is running, in whatever thread.

    A notebook keeps the frames of the last error alive; so the running stacks are what tells.
    """
    return model is not None and next(_fits(model), None) is not None


def called_by_fit(model: Any) -> bool:
    """Whether the function that asks was called by a `fit` of this model itself."""
    return _is_fit(sys._getframe(2), model)


def trained_by(optimizer: Any) -> Any:
    """The model whose running `fit` trains with `optimizer` (or what wraps it); `None` if none."""
    import keras

    for frame in sys._current_frames().values():
        running: FrameType | None = frame
        while running is not None:
            if running.f_code.co_name == "fit":
                model = running.f_locals.get("self")
                if isinstance(model, keras.Model) and any(
                    found is optimizer for found in chain(getattr(model, "optimizer", None))
                ):
                    return model
            running = running.f_back
    return None


def samples_per_batch(model: Any) -> float | None:
    """Samples in a batch of the running `fit` of `model`: the mean, where the last one is smaller.

    Returns:
        `None` where the data doesn't say (generators, a `tf.data.Dataset` whose last batch may be
        smaller), or no fit of Keras is running.
    """
    for variables in _fits(model):
        adapter = getattr(variables.get("epoch_iterator"), "data_adapter", None)
        if adapter is not None:
            return mean_batch_size(adapter)
    return None


def full_batch(model: Any) -> float | None:
    """Samples in a batch of the running `fit` of `model`; a smaller last one doesn't count.

    Returns:
        `None` as in `samples_per_batch`.
    """
    for variables in _fits(model):
        adapter = getattr(variables.get("epoch_iterator"), "data_adapter", None)
        if adapter is not None:
            alone = _ask(adapter, "num_batches") == 1
            size = (alone and _ask(adapter, "partial_batch_size")) or _ask(adapter, "batch_size")
            return float(size) if size else None
    return None


def callbacks_of(model: Any) -> list[Any]:
    """The callbacks of the running `fit` of `model`, in the order in which they are called."""
    for variables in _fits(model):
        found = getattr(variables.get("callbacks"), "callbacks", None)
        if isinstance(found, list):
            return found
    return []


def callback_at_work(model: Any) -> Any:
    """The callback of the running `fit` of `model` that has led to the function that asks.

    Returns:
        `None` if none has: a user, another thread, or a function that a `LambdaCallback` was given.
    """
    found = callbacks_of(model)
    frame: FrameType | None = sys._getframe(1)
    # No further than `fit`: a look at a function's variables keeps them alive until it returns.
    while frame is not None and not _is_fit(frame, model):
        this = frame.f_locals.get("self")
        if any(each is this for each in found):
            return this
        frame = frame.f_back
    return None


def epoch_iterator(model: Any) -> Any:
    """What gives the running `fit` of `model` its batches; `None` if no fit of Keras is running."""
    for variables in _fits(model):
        if variables.get("epoch_iterator") is not None:
            return variables["epoch_iterator"]
    return None


def list_setting_model() -> Any:
    """Keras's list of callbacks whose `set_model` has called the function that asks.

    Returns:
        `None` if something else has called it.
    """
    frame = sys._getframe(2)
    found = frame.f_locals.get("self")
    if frame.f_code.co_name == "set_model" and isinstance(getattr(found, "callbacks", None), list):
        return found
    return None


def is_taken_from_model() -> bool:
    """Whether Keras's trainer on JAX asks, through `optimizer.variables`, for the training state.

    From then on the weights are in its hands alone, and an error in the first step would lose them:
    it is the last moment to refuse.
    """
    import keras

    if keras.backend.backend() != "jax":
        return False
    frame: FrameType | None = sys._getframe(2)
    for _ in range(6):  # a wrapper, and the comprehension of an older Python, are in between
        if frame is None:
            return False
        if frame.f_code.co_name == "_get_jax_state":
            return bool(frame.f_locals.get("purge_model_variables"))
        frame = frame.f_back
    return False


def _fits(model: Any) -> Iterator[dict[str, Any]]:
    """The local variables of each running function `fit` of `model`, from the innermost out.

    This thread comes first: there `fit` is a few calls away, and torch asks at each step.
    """
    mine = sys._getframe()
    yield from _fits_of(mine, model)
    for frame in sys._current_frames().values():
        if frame is not mine:
            yield from _fits_of(frame, model)


def _fits_of(frame: FrameType | None, model: Any) -> Iterator[dict[str, Any]]:
    while frame is not None:
        if _is_fit(frame, model):
            yield dict(frame.f_locals)
        frame = frame.f_back


def _is_fit(frame: FrameType, model: Any) -> bool:
    return frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model


def mean_batch_size(adapter: Any) -> float | None:
    """Samples in a batch of one of Keras's data adapters: the mean, where the last one is smaller.

    Returns:
        `None` where the data doesn't say.
    """
    size = _ask(adapter, "batch_size")
    if not size:
        return None
    batches, last = _ask(adapter, "num_batches"), _ask(adapter, "partial_batch_size")
    if not batches or not last or _drops_last(adapter):
        return float(size)
    return ((batches - 1) * size + last) / batches


def _ask(adapter: Any, name: str) -> int | None:
    # Keras's adapters raise NotImplementedError for what they don't know; others may lack the name.
    try:
        value = getattr(adapter, name, None)
    except NotImplementedError:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _drops_last(adapter: Any) -> bool:
    # Keras's adapter of torch's DataLoader counts a smaller last batch that is never given.
    return bool(getattr(getattr(adapter, "_dataloader", None), "drop_last", False))
