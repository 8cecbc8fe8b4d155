"""Keras's private modules that the engines use, all in one place.

Trials have to see the same batches in the same order as `model.fit` would give them, so the
engines go through Keras's own data adapters instead of copying what those do. Nothing public
offers that; if a new Keras moves them, this file changes and no other.
"""

from collections.abc import Iterator
from typing import Any


def epoch_iterator(
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
) -> Any:
    """The iterator that JAX's `fit` (or `evaluate`, with `shuffle=False`) would make.

    Its batches stay on the host, where chunks are stacked; `fit`'s own go to the device one by one.
    """
    from keras.src.backend.jax.trainer import JAXEpochIterator

    class HostIterator(JAXEpochIterator):
        """`fit`'s iterator, less the transfer to the device."""

        def _get_iterator(self) -> Any:
            return self.data_adapter.get_jax_iterator()

    return HostIterator(
        x=x,
        y=y,
        sample_weight=sample_weight,
        batch_size=batch_size,
        steps_per_epoch=steps,
        shuffle=shuffle,
        class_weight=class_weight,
        steps_per_execution=1,
    )


def is_array_data(iterator: Any) -> bool:
    """Whether the iterator reads arrays, so that unshuffled epochs are all the same."""
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    return isinstance(iterator.data_adapter, ArrayDataAdapter)


def one_epoch(iterator: Any) -> Iterator[Any]:
    """The batches of one epoch, in the order and with the side effects that `fit` has."""
    with iterator.catch_stop_iteration():
        for _, _, batches in iterator:
            yield next(batches)


def split_validation(x: Any, y: Any, sample_weight: Any, share: float) -> tuple[Any, Any]:
    """`((x, y, sample_weight), validation_data)`, split as `fit(validation_split=...)` does."""
    from keras.src.trainers.data_adapters import array_slicing

    return array_slicing.train_validation_split((x, y, sample_weight), validation_split=share)


def unpack(data: Any) -> tuple[Any, Any, Any]:
    """`(x, y, sample_weight)` of what `fit` takes as `validation_data`."""
    from keras.src.trainers.data_adapters import data_adapter_utils

    return data_adapter_utils.unpack_x_y_sample_weight(data)


def epoch_logs(logs: Any) -> dict[str, Any]:
    """Metric values as plain floats, flattened, as `fit` hands them to callbacks."""
    from keras.src.utils.python_utils import pythonify_logs

    return pythonify_logs(logs)


def build(model: Any, iterator: Any) -> None:
    """Create what `fit` creates before its first step: variables, metrics, optimizer slots."""
    model._symbolic_build(iterator=iterator)


def all_layers(model: Any) -> list[Any]:
    """The layers of a model, those inside other layers too."""
    return list(model._flatten_layers())


def has_own_steps(model: Any) -> bool:
    """Whether the user wrote a `train_step` or `test_step`, whose logs may be anything."""
    from keras.src.backend.jax.trainer import JAXTrainer

    model = type(model)
    return (
        model.train_step is not JAXTrainer.train_step or model.test_step is not JAXTrainer.test_step
    )


def stateless_scope(pairs: Any) -> Any:
    """A scope in which the variables have the given values, and assignments stay inside."""
    from keras.src.backend import StatelessScope

    return StatelessScope(state_mapping=list(pairs))


def array_bytes(iterator: Any) -> int:
    """Bytes of the arrays that an iterator over arrays reads."""
    from keras import tree

    leaves = tree.flatten(iterator.data_adapter._inputs)
    return sum(int(getattr(array, "nbytes", 0) or 0) for array in leaves if array is not None)


def loss_arguments(model: Any) -> list[dict[str, Any]]:
    """What each of Keras's own losses of a compiled model is called with, by name.

    The dictionaries are the losses' own: what is put there is what they compute with.
    """
    from keras import tree
    from keras.src.losses.losses import LossFunctionWrapper

    losses = tree.flatten(model.loss) if model.loss is not None else []
    return [loss._fn_kwargs for loss in losses if isinstance(loss, LossFunctionWrapper)]


def outline(function: Any, *arguments: Any, **named: Any) -> Any:
    """What a function gives for arrays like these, as shapes: nothing is computed or changed."""
    from keras.src import backend

    arguments, named = _outlined((arguments, named))
    return backend.compute_output_spec(function, *arguments, **named)


def metric_names(model: Any, x: Any, y: Any) -> list[str]:
    """The names that `evaluate` would log for such arrays; the model is built, and not called."""
    model._symbolic_build(data_batch=_outlined((x, y, None)))
    return list(outline(model.get_metrics_result))


def _outlined(data: Any) -> Any:
    import keras
    from keras import tree

    def shape(array: Any) -> Any:
        if not hasattr(array, "shape") or not hasattr(array, "dtype"):
            return array
        dtype = keras.backend.standardize_dtype(array.dtype)
        return keras.KerasTensor(
            array.shape, keras.config.floatx() if dtype == "float64" else dtype
        )

    return tree.map_structure(shape, data)
