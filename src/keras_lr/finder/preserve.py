"""Train a model, and leave it exactly as it was.

`untouched(model)` yields a model that starts where the given one stands and may be trained freely.
Where Keras can copy the model (a Sequential or Functional one) it is a verified copy, and the given
model is never touched. Anything else (a subclassed model, a layer whose state isn't in its config)
is trained itself, with a new optimizer, loss and metrics in place, and everything is put back.
Random state is put back either way.
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves, rate_variable
from keras_lr.state.random_state import RandomState


@contextlib.contextmanager
def untouched(
    model: Any, *, sample: Callable[[], Any] | None = None, learning_rate: float | None = None
) -> Iterator[Any]:
    """A context with a model to train in place of `model`.

    When it ends, by an exception too, `model` is bit for bit what it was: weights, batch-norm
    statistics, optimizer state, rate, metrics, seed generators, `history`, `stop_training`, the
    compiled functions; and so is all global random state. An unbuilt optimizer or Sequential
    model is still unbuilt. (An unbuilt model that can't be copied gets built, with the very
    weights that its first `fit` would have drawn.)

    Args:
        model: A compiled model.
        sample: Gives a batch of inputs, to verify a copy with (called inside the context, since
            reading data may draw random numbers). Without it a built model isn't copied.
        learning_rate: If given, the yielded model's optimizer has this rate, without a schedule.

    Yields:
        A compiled model with the same weights and optimizer state, without metrics, that runs one
        step an execution.

    Raises:
        InvalidInput: If the model isn't compiled, or its optimizer can't be rebuilt.
    """
    check_compiled(model)
    before = RandomState.take()
    try:
        inputs = None if sample is None else sample()
        with _scope(model):
            working = _copy(model, inputs)
        if working is not None:
            with _scope(model):
                _compile(working, model, learning_rate)
            yield working
        else:
            if not model.built:
                before.restore()
                _build(model, inputs)
                before = RandomState.take()
            with _in_place(model):
                with _scope(model):
                    _compile(model, model, learning_rate)
                yield model
    finally:
        before.restore()


def check_compiled(model: Any) -> None:
    """Refuse a model that has no optimizer yet."""
    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(
            "find needs a compiled keras.Model. "
            f"Received: {model!r} (of type {type(model).__name__})."
        )
    if not model.compiled or getattr(model, "optimizer", None) is None:
        raise InvalidInput(
            "The model isn't compiled, so there is no optimizer whose rate could be found. "
            'Write e.g. model.compile(optimizer="sgd", loss="mse") first. '
            f"Received: model={model.name!r}."
        )


def copy_of_optimizer(
    optimizer: Any, variables: Any, learning_rate: float | None = None, *, built: bool = True
) -> Any:
    """A new optimizer with the settings and the state of `optimizer`.

    Args:
        optimizer: A Keras optimizer, wrapped or not.
        variables: The trainable variables that the new one will update.
        learning_rate: If given, the new one has this rate, without a schedule.
        built: Whether the variables exist yet, so that state can be copied.
    """
    try:
        config = optimizer.get_config()
        if learning_rate is not None:
            config = _with_rate(config, learning_rate)
        new = type(optimizer).from_config(config)
    except Exception as error:
        raise InvalidInput(
            "The optimizer can't be rebuilt from its configuration, so training it would change "
            f"it: {type(error).__name__}: {error}. Give the class get_config() and from_config(). "
            f"Received: optimizer={optimizer!r}."
        ) from error
    if built and optimizer.built:
        new.build(variables)
        old_state, new_state = _state(optimizer), _state(new)
        if [tuple(v.shape) for v in old_state] != [tuple(v.shape) for v in new_state]:
            raise InvalidInput(
                "The optimizer's state doesn't fit the model's trainable variables. Did a layer's "
                "`trainable` change after compile()? Compile the model again, then call find."
            )
        for old, copied in zip(old_state, new_state, strict=True):
            copied.assign(_numpy(old))
        if learning_rate is None:
            for old, copied in zip(leaves(optimizer), leaves(new), strict=True):
                if (rate := rate_variable(old)) is not None:
                    rate_variable(copied).assign(_numpy(rate))
    elif learning_rate is not None:
        for leaf in leaves(new):
            rate_variable(leaf).assign(learning_rate)
    return new


def _with_rate(config: dict[str, Any], learning_rate: float) -> dict[str, Any]:
    """The config with the rate (or schedule) of every optimizer in it replaced."""
    config = dict(config)
    if "learning_rate" in config:
        config["learning_rate"] = learning_rate
    for key, value in config.items():
        if isinstance(value, dict) and "config" in value and "optimizer" in key:
            config[key] = {**value, "config": _with_rate(value["config"], learning_rate)}
    return config


def _state(optimizer: Any) -> list[Any]:
    """An optimizer's variables without its rates, which an optimizer with a schedule hasn't."""
    rates = {id(rate_variable(leaf)) for leaf in leaves(optimizer)}
    return [variable for variable in optimizer.variables if id(variable) not in rates]


def _numpy(variable: Any) -> np.ndarray:
    """A copy of a variable's (or tensor's) value."""
    import keras

    value = variable.value if isinstance(variable, keras.Variable) else variable
    return np.array(keras.ops.convert_to_numpy(value))


def _scope(model: Any) -> AbstractContextManager[Any]:
    # TensorFlow wants variables made under the strategy that the model was made under.
    strategy = getattr(model, "distribute_strategy", None)
    return contextlib.nullcontext() if strategy is None else strategy.scope()


def _compile(working: Any, model: Any, learning_rate: float | None) -> None:
    import keras

    optimizer = copy_of_optimizer(
        model.optimizer, working.trainable_variables, learning_rate, built=working.built
    )
    given = model._compile_config.config  # the very objects; get_compile_config() serializes them
    working._compile_metrics = None  # Keras's compile() leaves it, and they have a state
    # The class's own compile() may ask for more than Keras's; what it set is still on the model.
    keras.Model.compile(
        working,
        optimizer=optimizer,
        loss=given["loss"],
        loss_weights=given["loss_weights"],
        run_eagerly=model.run_eagerly,
        jit_compile=model.jit_compile,
        auto_scale_loss=False,
    )


def _copy(model: Any, sample: Any) -> Any:
    """A copy of the model that answers `sample` as the model does, or `None`."""
    import keras

    if not type(model).__module__.startswith("keras."):
        return None  # a user's class may hold anything
    if model.built and sample is None:
        return None
    if not model.built and any(layer.weights or hasattr(layer, "adapt") for layer in model.layers):
        return None  # e.g. an adapted Normalization: a config doesn't hold its statistics
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            copied = keras.models.clone_model(model)
            if not _transfer(model, copied) or (model.built and not _agree(model, copied, sample)):
                return None
    except Exception:
        return None
    return copied


def _transfer(model: Any, copied: Any) -> bool:
    """Give the copy the model's weights and seeds; whether the two have the same variables."""

    def layout(of: Any) -> list[tuple[tuple[int, ...], str, bool]]:
        trained = {id(v) for v in of.trainable_variables}
        return [(tuple(v.shape), v.dtype, id(v) in trained) for v in of.variables]

    if layout(model) != layout(copied):
        return False
    for source, target in zip(model.variables, copied.variables, strict=True):
        target.assign(_numpy(source))
    return True


def _agree(model: Any, copied: Any, sample: Any) -> bool:
    """Whether both give the same outputs: a config needn't hold all of a layer's state."""
    import keras

    expected = keras.tree.flatten(model(sample, training=False))
    answered = keras.tree.flatten(copied(sample, training=False))
    return all(
        np.array_equal(_numpy(a), _numpy(b), equal_nan=True)
        for a, b in zip(expected, answered, strict=True)
    )


def _build(model: Any, sample: Any) -> None:
    if sample is None:
        raise InvalidInput(
            "The model isn't built and can't be copied. Call it on a batch first: model(x[:1])."
        )
    model(sample, training=False)


@contextlib.contextmanager
def _in_place(model: Any) -> Iterator[None]:
    """Put back every variable and every attribute of the model."""
    attributes = dict(vars(model))
    unique = {id(v): v for v in [*model.variables, *model.metrics_variables]}
    values = [(variable, _numpy(variable)) for variable in unique.values()]
    gradients = _torch_gradients(model)
    try:
        yield
    finally:
        present = vars(model)
        for name in [name for name in present if name not in attributes]:
            del present[name]
        present.update(attributes)
        for variable, value in values:
            variable.assign(value)
        for parameter, gradient in gradients:
            parameter.grad = gradient


def _torch_gradients(model: Any) -> list[tuple[Any, Any]]:
    import keras

    if keras.backend.backend() != "torch":
        return []
    taken = []
    for variable in model.trainable_variables:
        gradient = variable.value.grad
        taken.append((variable.value, None if gradient is None else gradient.clone()))
    return taken
