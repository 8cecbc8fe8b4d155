"""Run packs of lanes through a program, by any plan."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from keras_lr.engines.compiled.candidates import available_cores
from keras_lr.engines.compiled.chunk import Chunk
from keras_lr.engines.compiled.lanes import Pack
from keras_lr.engines.compiled.plan import Plan
from keras_lr.engines.compiled.program import Program
from keras_lr.engines.compiled.steps import looped, single, unrolled


class Runner:
    """Compiles a program for plans and chunks, and runs lanes through them.

    Args:
        program: The program.
        settings: Names of the settings that lanes put into it.

    Attributes:
        compile_seconds: Seconds spent waiting for compilation so far.
    """

    def __init__(self, program: Program, settings: Sequence[str] = ()) -> None:
        self.program = program
        self.settings = tuple(settings)
        self.compile_seconds = 0.0
        self._functions = program.functions
        self._pending: dict[_Key, Future[Any]] = {}

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

    def knows(self, plan: Plan) -> bool:
        """Whether training steps are compiled for calls of that many lanes."""
        return any(key.kind == "train" and key.plan.width == plan.width for key in self._functions)

    def begin(self, wanted: Sequence[tuple[str, Plan, Chunk]]) -> None:
        """Start to compile functions, without waiting for them.

        Args:
            wanted: `("train" | "losses" | "test", plan, chunk)` each.
        """
        for kind, plan, chunk in wanted:
            for key in _keys(kind, plan, chunk):
                if key in self._functions or key in self._pending:
                    continue
                # XLA compiles one while the next is traced. Tracing itself stays in this thread:
                # it is Python, and swaps attributes of the model's optimizer.
                traced = self._trace(kind, key.plan, chunk)
                self._pending[key] = _compilers().submit(_timed, traced.compile)

    def prepare(self, wanted: Sequence[tuple[str, Plan, Chunk]]) -> float:
        """Have functions compiled; returns the seconds that it took (0 if all are known).

        Args:
            wanted: As `begin` takes it.
        """
        started = time.perf_counter()
        keys = [key for what in wanted for key in _keys(*what) if key not in self._functions]
        if not keys:
            return 0.0
        self.begin(wanted)
        error, compiling = None, 0.0
        for key in dict.fromkeys(keys):
            try:
                self._functions[key], seconds = self._pending.pop(key).result()
                compiling = max(compiling, seconds)
            except Exception as found:
                error = error or found
        if error is not None:
            raise error
        waited = time.perf_counter() - started
        self.compile_seconds += waited
        # What compiling costs, though others may have been trained meanwhile.
        return max(waited, compiling)

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
        plan = packs[0].plan
        self.prepare([(kind, plan, chunk)])
        functions = {key.plan.steps: self._functions[key] for key in _keys(kind, plan, chunk)}
        loops = _loops(plan, chunk)
        data = chunk.stacked if loops else chunk.separate

        def work(index: int) -> Any:
            pack = packs[index]
            table = pack.table(rates[bounds[index] : bounds[index + 1]])
            pack.place()
            out = (_loop if loops else _steps)(functions, kind, pack, data, table, span, first)
            if pack.parked:
                pack.put(pack.on_host())
            return out

        threads = min(plan.threads, len(packs))
        if threads == 1:
            return [work(index) for index in range(len(packs))]
        running = [_callers(threads).submit(work, index) for index in range(len(packs))]
        wait(running)  # all of them, so that after an error none is still at work
        return [future.result() for future in running]

    def _trace(self, kind: str, plan: Plan, chunk: Chunk) -> Any:
        import jax

        shape = jax.ShapeDtypeStruct
        lead = (plan.width,) if plan.width > 1 else ()
        batch: Any = chunk.shapes()
        steps: tuple[int, ...] = ()
        if _loops(plan, chunk):
            steps = (chunk.length,)
            function = looped(self.program, kind)
            batch = jax.tree.map(lambda a: shape((*steps, *a.shape), a.dtype), batch)
        elif plan.steps > 1:
            steps = (plan.steps,)
            function = unrolled(self.program, plan.steps)
            batch = [batch] * plan.steps
        else:
            function = single(self.program, kind)
        if plan.width > 1:
            function = jax.vmap(function, in_axes=(0, None, 0, 0, None, None, None))
        return jax.jit(function, donate_argnums=0).lower(
            jax.tree.map(lambda a: shape((*lead, *a.shape), a.dtype), self.program.shapes()),
            batch,
            shape((*lead, *steps, self.program.rates), np.float32),
            {name: shape((*lead, 2), np.float32) for name in self.settings},
            shape((), np.int32),
            shape((), np.int32),
            shape((), np.bool_),
        )


class _Key(NamedTuple):
    """What a compiled function is for."""

    kind: str
    plan: Plan
    data: Any


def _keys(kind: str, plan: Plan, chunk: Chunk) -> list[_Key]:
    """The functions that a plan needs: where it does several steps a call, one for the rest too."""
    loops = _loops(plan, chunk)
    one = Plan(plan.width, loop=loops)
    found = [_Key(kind, one, (chunk.key, loops and chunk.length))]
    if kind == "train" and not loops and 1 < plan.steps <= len(chunk):
        found.append(_Key(kind, replace(one, steps=plan.steps), (chunk.key, False)))
    return found


def _loops(plan: Plan, chunk: Chunk) -> bool:
    """Whether calls loop over the chunk; for one batch a loop would only be more to compile."""
    return plan.loop and chunk.length > 1


@cache
def _compilers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, available_cores()), "keras-lr-compile")


@cache
def _callers(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, "keras-lr-lanes")


def _timed(function: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return function(), time.perf_counter() - started


def _loop(
    functions: dict[int, Any],
    kind: str,
    pack: Pack,
    data: Any,
    table: Any,
    span: tuple[int, int],
    first: bool,
) -> Any:
    """Run one pack over a span of a chunk by one call, and wait for the result."""
    import jax

    start, stop = span
    pack.state, out = functions[1](
        pack.state, data, table, pack.settings, np.int32(start), np.int32(stop), np.bool_(first)
    )
    out = jax.block_until_ready(out)
    return np.asarray(out)[..., start:stop] if kind == "losses" else out


def _steps(
    functions: dict[int, Any],
    kind: str,
    pack: Pack,
    data: Any,
    table: Any,
    span: tuple[int, int],
    first: bool,
) -> Any:
    """The same by calls of one step or a few, as many as are left."""
    import jax

    start, stop = span
    few = max(functions)
    index, collected, out = start, [], {}
    while index < stop:
        count = few if few > 1 and stop - index >= few else 1
        several = count > 1
        pack.state, out = functions[count](
            pack.state,
            data[index : index + count] if several else data[index],
            table[..., index : index + count, :] if several else table[..., index, :],
            pack.settings,
            np.int32(0),
            np.int32(1),
            np.bool_(first and index == start),
        )
        index += count
        if kind == "losses":
            collected.append(out)
    out = np.stack([np.asarray(loss) for loss in collected], axis=-1) if collected else out
    return jax.block_until_ready(out)
