"""Run many copies of a program side by side, by any plan."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.engines.compiled.chunk import Chunk
from keras_lr.engines.compiled.plan import Plan
from keras_lr.engines.compiled.program import Program, State


@dataclass
class Lane:
    """One copy of the model in training.

    Args:
        state: Its own `State`, or `None` while it is part of a stack.
        settings: Name to `(value, 1 - value)`.
    """

    state: State | None
    settings: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Pack:
    """Lanes that are computed by one call; the last ones may be padding."""

    def __init__(self, lanes: list[Lane], plan: Plan) -> None:
        import jax
        import jax.numpy as jnp

        self.lanes = lanes
        self.plan = plan
        members = lanes + [lanes[-1]] * (plan.width - len(lanes))
        names = lanes[0].settings
        settings = {n: np.array([m.settings[n] for m in members], np.float32) for n in names}
        self.state: Any
        if plan.width == 1:
            self.state = lanes[0].state
            self.settings = {name: value[0] for name, value in settings.items()}
        else:
            self.state = jax.tree.map(lambda *a: jnp.stack(a), *(m.state for m in members))
            self.settings = settings
        for lane in lanes:
            lane.state = None

    def unpack(self) -> list[Lane]:
        """The lanes, each with its own state again."""
        import jax

        for index, lane in enumerate(self.lanes):
            lane.state = (
                self.state
                if self.plan.width == 1
                else jax.tree.map(lambda array, index=index: array[index], self.state)
            )
        return self.lanes

    def table(self, values: np.ndarray) -> np.ndarray:
        """Rows of `values` for this pack's lanes and its padding; no lane axis for width 1."""
        if self.plan.width == 1:
            return values[0]
        missing = self.plan.width - len(values)
        return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


class Runner:
    """Compiles a program for plans and chunks, and runs lanes through them.

    Attributes:
        compile_seconds: Seconds spent in compilation so far.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.compile_seconds = 0.0
        self._functions: dict[Any, Any] = {}
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def train(
        self,
        packs: Sequence[Pack],
        chunk: Chunk,
        rates: np.ndarray,
        *,
        first: bool,
        span: tuple[int, int] | None = None,
    ) -> list[Any]:
        """Train every pack on `chunk`, and wait for it.

        Args:
            packs: All of one plan; their states are advanced in place.
            chunk: The data, the same for all.
            rates: Shape `(lanes, len(chunk), rates of a step)`: lanes in the packs' order.
            first: Whether the metrics start anew before the first step.
            span: Only these steps of the chunk, `(start, stop)`.

        Returns:
            The logs after the last step, one dictionary of arrays a pack.
        """
        return self._run("train", packs, chunk, rates, first=first, span=span)

    def losses(
        self,
        packs: Sequence[Pack],
        chunk: Chunk,
        rates: np.ndarray,
        *,
        span: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """As `train`, but every step's own batch loss: float32, shape `(lanes, steps)`."""
        out = self._run("losses", packs, chunk, rates, first=True, span=span)
        rows = [
            np.asarray(values).reshape(pack.plan.width, -1)[: len(pack.lanes)]
            for pack, values in zip(packs, out, strict=True)
        ]
        return np.concatenate(rows)

    def test(self, packs: Sequence[Pack], chunk: Chunk, *, first: bool) -> list[Any]:
        """Evaluate every pack on `chunk`; returns the logs so far, one dictionary a pack."""
        lanes = sum(len(pack.lanes) for pack in packs)
        rates = np.zeros((lanes, len(chunk), self.program.rates), np.float32)
        return self._run("test", packs, chunk, rates, first=first, span=None)

    def prepare(self, wanted: Sequence[tuple[str, Pack, Chunk]]) -> float:
        """Compile several functions side by side; returns the seconds it took (0 if known).

        Args:
            wanted: `("train" | "losses" | "test", pack, chunk)` each.
        """
        started = time.perf_counter()
        traced = {}
        for kind, pack, chunk in wanted:
            key = _key(kind, pack.plan, chunk)
            if key not in self._functions and key not in traced:
                traced[key] = self._trace(kind, pack, chunk)
        if not traced:
            return 0.0
        # XLA compiles without the interpreter's lock. Tracing can't: it swaps attributes of the
        # model's optimizer, and is Python.
        with ThreadPoolExecutor(max(1, min(len(traced), os.cpu_count() or 1))) as pool:
            compiled = pool.map(lambda lowered: lowered.compile(), traced.values())
            self._functions.update(zip(traced, compiled, strict=True))
        seconds = time.perf_counter() - started
        self.compile_seconds += seconds
        return seconds

    def _run(
        self,
        kind: str,
        packs: Sequence[Pack],
        chunk: Chunk,
        rates: np.ndarray,
        *,
        first: bool,
        span: tuple[int, int] | None,
    ) -> list[Any]:
        span = span or (0, len(chunk))
        rates = np.asarray(rates, np.float32)
        if chunk.length > len(chunk):
            rates = np.pad(rates, [(0, 0), (0, chunk.length - len(chunk)), (0, 0)])
        bounds = np.cumsum([0] + [len(pack.lanes) for pack in packs])
        self.prepare([(kind, packs[0], chunk)])
        function = self._functions[_key(kind, packs[0].plan, chunk)]
        data = chunk.stacked if packs[0].plan.loop else chunk.separate

        def work(index: int) -> Any:
            pack = packs[index]
            table = pack.table(rates[bounds[index] : bounds[index + 1]])
            return _advance(function, kind, pack, data, table, span, first)

        threads = min(packs[0].plan.threads, len(packs))
        if threads == 1:
            return [work(index) for index in range(len(packs))]
        if threads not in self._pools:
            self._pools[threads] = ThreadPoolExecutor(threads, "keras-lr-lanes")
        return list(self._pools[threads].map(work, range(len(packs))))

    def _trace(self, kind: str, pack: Pack, chunk: Chunk) -> Any:
        import jax

        plan = pack.plan
        function = _looped(self.program, kind) if plan.loop else _single(self.program, kind)
        if plan.width > 1:
            function = jax.vmap(function, in_axes=(0, None, 0, 0, None, None, None))
        lead = (plan.width,) if plan.width > 1 else ()
        steps = (chunk.length,) if plan.loop else ()
        number = jax.ShapeDtypeStruct((), np.int32)
        return jax.jit(function, donate_argnums=0).lower(
            pack.state,
            chunk.stacked if plan.loop else chunk.separate[0],
            jax.ShapeDtypeStruct((*lead, *steps, self.program.rates), np.float32),
            pack.settings,
            number,
            number,
            jax.ShapeDtypeStruct((), np.bool_),
        )


def _key(kind: str, plan: Plan, chunk: Chunk) -> Any:
    return kind, plan.width, plan.loop, chunk.key, plan.loop and chunk.length


def _advance(
    function: Any, kind: str, pack: Pack, data: Any, table: Any, span: tuple[int, int], first: bool
) -> Any:
    """Run one pack over a span of a chunk, and wait for the result."""
    import jax

    start, stop = span
    if pack.plan.loop:
        pack.state, out = function(
            pack.state, data, table, pack.settings, np.int32(start), np.int32(stop), np.bool_(first)
        )
        out = jax.block_until_ready(out)
        return np.asarray(out)[..., start:stop] if kind == "losses" else out
    collected = []
    for index in range(start, stop):
        pack.state, out = function(
            pack.state,
            data[index],
            table[..., index, :],
            pack.settings,
            np.int32(0),
            np.int32(1),
            np.bool_(first and index == start),
        )
        if kind == "losses":
            collected.append(out)
    out = np.stack([np.asarray(loss) for loss in collected], axis=-1) if collected else out
    return jax.block_until_ready(out)


def _step(program: Program, kind: str) -> Any:
    """(state, batch, rates, settings) -> (state, out) for one lane."""
    if kind == "test":
        return lambda state, batch, rates, settings: program.test_step(state, batch)
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


def _single(program: Program, kind: str) -> Any:
    step = _step(program, kind)

    def single(
        state: State, batch: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        return step(_anew(program, state, first), batch, rates, settings)

    return single


def _looped(program: Program, kind: str) -> Any:
    step = _step(program, kind)

    def looped(
        state: State, batches: Any, rates: Any, settings: Any, start: Any, stop: Any, first: Any
    ) -> tuple[State, Any]:
        import jax
        import jax.numpy as jnp

        def at(index: Any) -> tuple[Any, Any]:
            return jax.tree.map(lambda array: array[index], batches), rates[index]

        shapes = jax.eval_shape(lambda s: step(s, *at(0), settings), state)[1]
        length = rates.shape[0]
        lead = (length,) if kind == "losses" else ()
        out = jax.tree.map(lambda leaf: jnp.zeros((*lead, *leaf.shape), leaf.dtype), shapes)

        def body(index: Any, carry: tuple[State, Any]) -> tuple[State, Any]:
            state, out = carry
            state, new = step(state, *at(index), settings)
            return state, out.at[index].set(new) if kind == "losses" else new

        return jax.lax.fori_loop(start, stop, body, (_anew(program, state, first), out))

    return looped
