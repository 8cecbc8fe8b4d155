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
from keras_lr.engines.compiled.steps import looped, single


@dataclass
class Lane:
    """One copy of the model in training.

    Args:
        state: Its own `State` on the host, or `None` while it is part of a pack.
        settings: Name to `(value, 1 - value)`.
    """

    state: State | None
    settings: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Pack:
    """Lanes that are computed by one call; the last ones may be padding."""

    def __init__(self, lanes: list[Lane], plan: Plan) -> None:
        import jax

        self.lanes = lanes
        self.plan = plan
        members = lanes + [lanes[-1]] * (plan.width - len(lanes))
        names = lanes[0].settings
        settings = {n: np.array([m.settings[n] for m in members], np.float32) for n in names}
        # Stacked on the host: there it needs no compilation, which a first jnp.stack of each
        # shape does.
        self.state: Any = jax.device_put(stack([member.state for member in members], plan))
        self.settings = settings
        if plan.width == 1:
            self.settings = {name: value[0] for name, value in settings.items()}
        for lane in lanes:
            lane.state = None

    def unpack(self) -> list[Lane]:
        """The lanes, each with its own state again."""
        states = unstack(self.state, len(self.lanes), self.plan)
        for lane, state in zip(self.lanes, states, strict=True):
            lane.state = state
        return self.lanes

    def table(self, values: np.ndarray) -> np.ndarray:
        """Rows of `values` for this pack's lanes and its padding; no lane axis for width 1."""
        if self.plan.width == 1:
            return values[0]
        missing = self.plan.width - len(values)
        return np.concatenate([values, np.repeat(values[-1:], missing, axis=0)])


def stack(states: Sequence[Any], plan: Plan) -> Any:
    """Host states of as many lanes as the plan is wide, as one host state of a pack."""
    import jax

    if plan.width == 1:
        return jax.tree.map(np.array, states[0])
    return jax.tree.map(lambda *arrays: np.stack(arrays), *states)


def unstack(state: Any, count: int, plan: Plan) -> list[Any]:
    """The host states of the first `count` lanes of a pack."""
    import jax

    if plan.width == 1:
        return [jax.tree.map(np.array, state)]
    host = jax.tree.map(np.asarray, state)
    return [jax.tree.map(lambda a, i=i: np.array(a[i]), host) for i in range(count)]


class Runner:
    """Compiles a program for plans and chunks, and runs lanes through them.

    Attributes:
        compile_seconds: Seconds spent in compilation so far.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.compile_seconds = 0.0
        self._functions = program.functions
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
        missing = {}
        for kind, pack, chunk in wanted:
            key = _key(kind, pack.plan, chunk)
            if key not in self._functions:
                missing.setdefault(key, (kind, pack, chunk))
        if not missing:
            return 0.0
        # XLA compiles one while the next is traced. Tracing itself stays in this thread: it is
        # Python, and swaps attributes of the model's optimizer.
        with ThreadPoolExecutor(max(1, min(len(missing), os.cpu_count() or 1))) as pool:
            compiling = {
                key: pool.submit(self._trace(*what).compile) for key, what in missing.items()
            }
            for key, future in compiling.items():
                self._functions[key] = future.result()
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
        loops = _loops(packs[0].plan, chunk)
        data = chunk.stacked if loops else chunk.separate

        def work(index: int) -> Any:
            pack = packs[index]
            table = pack.table(rates[bounds[index] : bounds[index + 1]])
            return _advance(function, kind, pack, data, loops, table, span, first)

        threads = min(packs[0].plan.threads, len(packs))
        if threads == 1:
            return [work(index) for index in range(len(packs))]
        if threads not in self._pools:
            self._pools[threads] = ThreadPoolExecutor(threads, "keras-lr-lanes")
        return list(self._pools[threads].map(work, range(len(packs))))

    def _trace(self, kind: str, pack: Pack, chunk: Chunk) -> Any:
        import jax

        plan, loops = pack.plan, _loops(pack.plan, chunk)
        function = looped(self.program, kind) if loops else single(self.program, kind)
        if plan.width > 1:
            function = jax.vmap(function, in_axes=(0, None, 0, 0, None, None, None))
        lead = (plan.width,) if plan.width > 1 else ()
        steps = (chunk.length,) if loops else ()
        number = jax.ShapeDtypeStruct((), np.int32)
        return jax.jit(function, donate_argnums=0).lower(
            pack.state,
            chunk.stacked if loops else chunk.separate[0],
            jax.ShapeDtypeStruct((*lead, *steps, self.program.rates), np.float32),
            pack.settings,
            number,
            number,
            jax.ShapeDtypeStruct((), np.bool_),
        )


def _key(kind: str, plan: Plan, chunk: Chunk) -> Any:
    loops = _loops(plan, chunk)
    return kind, plan.width, loops, chunk.key, loops and chunk.length


def _loops(plan: Plan, chunk: Chunk) -> bool:
    """Whether calls loop over the chunk; for one batch a loop would only be more to compile."""
    return plan.loop and chunk.length > 1


def _advance(
    function: Any,
    kind: str,
    pack: Pack,
    data: Any,
    loops: bool,
    table: Any,
    span: tuple[int, int],
    first: bool,
) -> Any:
    """Run one pack over a span of a chunk, and wait for the result."""
    import jax

    start, stop = span
    if loops:
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
