"""What is traced: one step of one lane, a few in a row, or a loop over the steps of a chunk.

Three kinds of step: `"train"` and `"test"` give the logs so far, as the trainer would report them;
`"losses"` trains and gives each batch's own loss. All take `(state, data, rates, settings, start,
stop, first)`; `first` starts the metrics anew.
"""

from collections.abc import Callable
from typing import Any

from keras_lr.engines.compiled.program import Program, State

Traced = Callable[..., tuple[State, Any]]


def single(program: Program, kind: str) -> Traced:
    """One step; `start` and `stop` mean nothing."""
    step = _step(program, kind)

    def run(
        state: State, batch: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        return step(_anew(program, state, first), batch, rates, settings)

    return run


def unrolled(program: Program, count: int) -> Traced:
    """`count` steps of training in a row; `batch` is a list of as many, `rates` have that axis."""

    def run(
        state: State, batches: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        state, out = _anew(program, state, first), {}
        for index in range(count):
            state, out = program.train_step(state, batches[index], rates[index], settings)
        return state, out

    return run


def looped(program: Program, kind: str) -> Traced:
    """The steps from `start` to `stop` of a chunk."""
    step = _step(program, kind)
    if kind == "losses":
        return _losses(program, step)
    # Keras's own steps log what the metrics say, so it is enough to ask them at the end.
    return _last(program, step) if program.own_steps else _results(program, step)


def _results(program: Program, step: Traced) -> Traced:
    def run(
        state: State, batches: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        import jax

        def body(index: Any, state: State) -> State:
            return step(state, *_at(batches, rates, index), settings)[0]

        state = jax.lax.fori_loop(start, stop, body, _anew(program, state, first))
        return state, program.results(state.metrics)

    return run


def _last(program: Program, step: Traced) -> Traced:
    def run(
        state: State, batches: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        import jax
        import jax.numpy as jnp

        def body(index: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
            return step(carry[0], *_at(batches, rates, index), settings)

        state = _anew(program, state, first)
        shapes = jax.eval_shape(lambda state: body(0, (state, None))[1], state)
        logs = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return jax.lax.fori_loop(start, stop, body, (state, logs))

    return run


def _losses(program: Program, step: Traced) -> Traced:
    def run(
        state: State, batches: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        import jax
        import jax.numpy as jnp

        def body(index: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
            state, losses = carry
            state, loss = step(state, *_at(batches, rates, index), settings)
            return state, losses.at[index].set(loss)

        losses = jnp.zeros(rates.shape[0], jnp.float32)
        return jax.lax.fori_loop(start, stop, body, (_anew(program, state, first), losses))

    return run


def _at(batches: Any, rates: Any, index: Any) -> tuple[Any, Any]:
    import jax

    return jax.tree.map(lambda array: array[index], batches), rates[index]


def _step(program: Program, kind: str) -> Traced:
    """(state, batch, rates, settings) -> (state, out) for one lane."""
    if kind == "test":
        return lambda state, batch, rates, settings: program.test_step(state, batch, settings)
    if kind == "train":
        return program.train_step

    def step(state: State, batch: Any, rates: Any, settings: Any) -> tuple[State, Any]:
        # A step's logs are running means; started anew at every step, they are the batch's own.
        state = state._replace(metrics=program.reset_metrics(state.metrics))
        state, logs = program.train_step(state, batch, rates, settings)
        return state, logs["loss"]

    return step


def _anew(program: Program, state: State, first: Any) -> State:
    import jax.numpy as jnp

    fresh = program.reset_metrics(state.metrics)
    metrics = [jnp.where(first, f, m) for f, m in zip(fresh, state.metrics, strict=True)]
    return state._replace(metrics=metrics)
