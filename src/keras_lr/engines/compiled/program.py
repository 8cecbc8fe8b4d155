"""A compiled Keras model as pure functions of (state, batch, rates, settings)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from keras_lr.engines import internals
from keras_lr.engines.compiled.inputs import given, given_losses
from keras_lr.engines.compiled.plan import Plan
from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves

EMPTY: Mapping[str, Any] = MappingProxyType({})


class State(NamedTuple):
    """Everything that a training step changes: lists of JAX arrays in Keras's order.

    The same structure with a leading axis on every array holds several lanes.
    """

    trainable: list[Any]
    non_trainable: list[Any]
    optimizer: list[Any]
    metrics: list[Any]


class Program:
    """The training and evaluation step of a model, with nothing of a trial baked in.

    The step is the trainer's own `train_step` (the user's, if the model has one), so custom
    steps, loss scaling, sample weights and regularisers behave as in `fit`. The model itself is
    only read: tracing happens in stateless scopes, and the states are copies.

    Args:
        model: A compiled model with all its variables created (`internals.build`), on the JAX
            backend.

    Raises:
        InvalidInput: On another backend, or where something hasn't been built yet.

    Attributes:
        rates: How many rates a step takes: one for each stock optimizer in the model.
        functions: What was compiled of it so far (`lanes.Runner` fills and uses this).
        plan: The plan that a race chose for it, so that a second race compiles nothing.
        own_steps: Whether the model has a `train_step` or `test_step` of its own.
    """

    def __init__(self, model: Any) -> None:
        import keras

        if keras.backend.backend() != "jax":
            raise InvalidInput(
                "The compiled engine needs the JAX backend. Received: KERAS_BACKEND="
                f"{keras.backend.backend()}. Use engine='fit', or set KERAS_BACKEND=jax."
            )
        optimizer = getattr(model, "optimizer", None)
        if optimizer is None or not optimizer.built:
            raise InvalidInput(
                "The model isn't built and compiled. Call model.compile(optimizer, loss), and "
                "give it data of the right shape."
            )
        self.model = model
        self._leaves = leaves(optimizer)
        self._losses = internals.loss_arguments(model)
        self.functions: dict[Any, Any] = {}
        self.plan: Plan | None = None
        self.own_steps = internals.has_own_steps(model)

    @property
    def rates(self) -> int:
        """How many rates a step takes."""
        return len(self._leaves)

    def state(self) -> State:
        """The model's present state, metrics reset: copies on the host."""
        import numpy as np

        model = self.model
        parts = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        state = State(*([np.array(v.value) for v in variables] for variables in parts))
        metrics = self.reset_metrics(state.metrics)
        return state._replace(metrics=[np.array(value) for value in metrics])

    def shapes(self) -> State:
        """Shapes and types of a state's arrays."""
        import jax

        model = self.model
        parts = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        )
        return State(
            *(
                [jax.ShapeDtypeStruct(v.value.shape, v.value.dtype) for v in variables]
                for variables in parts
            )
        )

    def reset_metrics(self, metrics: list[Any]) -> list[Any]:
        """The metrics' variables as they are at the start of an epoch. Traceable."""
        import jax.numpy as jnp

        variables = self.model.metrics_variables
        with internals.stateless_scope(zip(variables, metrics, strict=True)) as scope:
            for metric in self.model.metrics:
                metric.reset_state()
            values = [scope.get_current_value(variable) for variable in variables]
        return [
            old if new is None else jnp.asarray(new, old.dtype).reshape(old.shape)
            for new, old in zip(values, metrics, strict=True)
        ]

    def train_step(
        self, state: State, batch: Any, rates: Any, settings: Mapping[str, Any]
    ) -> tuple[State, dict[str, Any]]:
        """One update. Traceable.

        Args:
            state: One lane's state.
            batch: `(x, y, sample_weight)` as Keras's iterators give it.
            rates: Shape `(self.rates,)`, float32.
            settings: Name to shape `(2,)`, float32: value and 1 - value (`inputs.pair`).

        Returns:
            The next state and the step's logs: running means since the metrics were reset.
        """
        with given(self._leaves, rates, settings), given_losses(self._losses, settings):
            logs, new = self.model.train_step(tuple(state), batch)
        new = State(*(list(part) for part in new))
        logs = self._logs(logs, new.metrics)
        return _like(new, state), logs

    def test_step(
        self, state: State, batch: Any, settings: Mapping[str, Any] = EMPTY
    ) -> tuple[State, dict[str, Any]]:
        """One batch of evaluation; the metrics change, and nothing of the optimizer. Traceable."""
        with given_losses(self._losses, settings):
            logs, new = self.model.test_step(
                (state.trainable, state.non_trainable, state.metrics), batch
            )
        trainable, non_trainable, metrics = (list(part) for part in new)
        new_state = State(trainable, non_trainable, state.optimizer, metrics)
        return _like(new_state, state), self._logs(logs, metrics)

    def results(self, metrics: list[Any]) -> dict[str, Any]:
        """What the metrics say. Traceable."""
        pairs = zip(self.model.metrics_variables, metrics, strict=True)
        with internals.stateless_scope(pairs):
            return dict(self.model.get_metrics_result())

    def finished(self, state: State) -> dict[int, Any]:
        """The weights as `fit` leaves them at its end, by the `id` of each variable.

        An optimizer that averages the weights (`use_ema`) then puts its averages there.
        """
        model = self.model
        lists = (
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
        )
        values = (state.trainable, state.non_trainable, state.optimizer)
        given = [
            (variable, value)
            for variables, their in zip(lists, values, strict=True)
            for variable, value in zip(variables, their, strict=True)
        ]
        with internals.stateless_scope(given) as scope:
            model.optimizer.finalize_variable_values(model.trainable_weights)
            return {id(variable): scope.get_current_value(variable) for variable, _ in given}

    def _logs(self, logs: dict[str, Any], metrics: list[Any]) -> dict[str, Any]:
        # `fit` reports the metrics' results at the end of an epoch if a step's logs have the same
        # keys. With Keras's own steps the last logs are those results already.
        if not self.own_steps:
            return dict(logs)
        results = self.results(metrics)
        return results if set(results) == set(logs) else dict(logs)


def _like(new: State, old: State) -> State:
    """`new` with `old`'s dtypes: a loop needs a state of one type, and Keras would cast too."""
    import jax.numpy as jnp

    return State(
        *(
            [jnp.asarray(n, o.dtype) for n, o in zip(new_part, old_part, strict=True)]
            for new_part, old_part in zip(new, old, strict=True)
        )
    )
