"""The lanes of one wave in training: epoch by epoch, by the plan that is measured on the way."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_lr.engines import internals
from keras_lr.engines.compiled.candidates import narrowed
from keras_lr.engines.compiled.chunk import Chunk
from keras_lr.engines.compiled.formation import Formation
from keras_lr.engines.compiled.lanes import Pack
from keras_lr.engines.compiled.memory import is_out_of_memory
from keras_lr.engines.compiled.plan import Plan
from keras_lr.engines.compiled.trial_lane import TrialLane
from keras_lr.engines.endings import endings
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.trial import Done, Exchange, Report

if TYPE_CHECKING:
    from keras_lr.engines.compiled.group import Group

PIECE = 0.02
"""Seconds that a measurement lasts at least, where there are steps enough."""

LOOK = 0.25
"""Seconds between two looks at whether a lane has diverged."""


class Wave:
    """The lanes of one call of `Group.train`.

    Args:
        group: Their group.
        lanes: The trials.
        report: See `Engine.run`; and `done`, `exchange`.
    """

    def __init__(
        self,
        group: "Group",
        lanes: list[TrialLane],
        report: Report,
        done: Done,
        exchange: Exchange | None,
    ) -> None:
        assert group.planner is not None
        self.group = group
        self.runner = group.runner
        self.planner = group.planner
        self.report = report
        self.done = done
        self.exchange = exchange
        self.stopped: list[tuple[TrialLane, dict[str, Any]]] = []
        self._begins = True
        self._trained = 0
        self._narrowed: int | None = None
        self._narrow(len(lanes))
        self.formation = Formation(lanes, self._plan, parked=group.parked)
        self._compiled = 0.0
        self._compiled_plan = self._plan
        self._warm: set[Any] = set()
        self._proven: set[Any] = set()

    @property
    def lanes(self) -> list[TrialLane]:
        """The trials that still take part in calls, those among them that ended too."""
        return self.formation.lanes

    @property
    def packs(self) -> list[Pack]:
        """Their packs; none once all have ended."""
        return self.formation.packs

    def epoch(self, epoch: int, data: Iterable[Chunk]) -> None:
        """Train, validate, and end an epoch for every lane."""
        started = time.perf_counter()
        if epoch == 0:
            self._prepare(data)
        logs: list[dict[str, Any]] = []
        seen = 0
        for chunk in data:
            if self.packs:  # else the data is still read on, as in fit
                start = epoch * self.group.batches + seen
                logs = self._train(chunk, start, first=seen == 0)
            seen += len(chunk)
        if self.group.feed.validates and self.packs:
            tested: list[dict[str, Any]] = []
            for number, chunk in enumerate(self.group.feed.validation()):
                tested = self._test(chunk, first=number == 0)
            logs = [
                {**mine, **{f"val_{name}": value for name, value in held_out.items()}}
                for mine, held_out in zip(logs, tested, strict=True)
            ]
        self._end(epoch, logs, time.perf_counter() - started)

    def _end(self, epoch: int, logs: list[dict[str, Any]], seconds: float) -> None:
        good = self.formation.good
        finite = [True] * len(self.lanes) if good is None else good.finite(self.packs)
        active = [lane for lane in self.lanes if not lane.ended]
        for lane, values in self.stopped:
            lane.end_epoch(epoch, values, finite=False)
        active = sorted(active + [lane for lane, _ in self.stopped], key=lambda lane: lane.index)
        self.stopped = []
        rollbacks = []
        for lane, values, sound in zip(self.lanes, logs, finite, strict=True):
            rollbacks.append(
                not lane.ended
                and lane.end_epoch(epoch, values, finite=sound if lane.restores else True)
            )
        if good is not None:
            good.end_epoch(self.packs, rollbacks)
        last = epoch + 1 == self.group.job.epochs
        for lane in active:
            lane.result.seconds += seconds / len(active)
        running = {lane.index: lane for lane in active if not lane.ended}
        for index in endings(self.report, epoch, {i: r.last_logs() for i, r in running.items()}):
            running[index].result.pruned = running[index].ended = True
        if self.exchange is not None and not last:
            self._exchange(self.exchange, epoch, active)
        for lane in active:
            lane.ended = lane.ended or last
        unpacked = False
        for lane in active:
            if lane.ended and self.done(lane.index, lane.result):
                if not unpacked:
                    self.formation.unpack()
                    unpacked = True
                lane.result.weights = self.group.weights(lane.lane)
        self._shrink(anew=unpacked)

    def _exchange(self, exchange: Exchange, epoch: int, active: list[TrialLane]) -> None:
        """Let trials go on as copies of others, those that diverged in this epoch too."""
        lanes = {lane.index: lane for lane in active if not lane.result.pruned}
        becoming = exchange(epoch, {index: lane.last_logs() for index, lane in lanes.items()})
        if not becoming:
            return
        self.formation.unpack()
        for index, how in becoming.items():
            lanes[index].become(lanes[how.source], how)
        self.formation.stand(self.lanes, self._plan)

    # -- training --------------------------------------------------------------------------------

    def _train(self, chunk: Chunk, start: int, *, first: bool) -> list[dict[str, Any]]:
        """Train on a chunk whose first batch is the run's `start`th, piece by piece.

        While the plan isn't settled, pieces are measurements; later they end where it is time to
        look whether a lane has diverged.
        """
        position, size, out = 0, 1, []
        rates = self._rates(chunk, start)
        left = self.group.job.epochs * self.group.batches - start
        while position < len(chunk) and self.packs:
            settled = self.planner.settled
            stop = min(len(chunk), position + (self._stride() if settled else size))
            begins = self.formation.good is not None and self._begins and position == 0
            if begins:
                stop = min(len(chunk), self.group.model.steps_per_execution)
            self._compile([("train", chunk)])
            anew = first and position == 0
            started = time.perf_counter()
            out = self._attempt(
                ("train", chunk),
                lambda span=(position, stop), rates=rates, anew=anew: self.runner.train(
                    self.packs, chunk, rates, first=anew, span=span
                ),
            )
            seconds = time.perf_counter() - started
            steps = stop - position
            position = stop
            self._trained += steps
            if begins:
                # Rules that roll back judge the first epoch by its first batch.
                for lane, logs in zip(self.lanes, self._lane_logs(out), strict=True):
                    lane.begin(logs)
                self._begins = False
            if not settled:
                lanes = len(self.lanes)
                size = self._measured(chunk, seconds, steps, (left - position) * lanes, size)
            if position < len(chunk) and self._stop_diverged(out) and self.lanes:
                rates = self._rates(chunk, start)
        return self._lane_logs(out) if self.packs else []

    def _test(self, chunk: Chunk, *, first: bool) -> list[dict[str, Any]]:
        self._compile([("test", chunk)])
        return self._lane_logs(
            self._attempt(("test", chunk), lambda: self.runner.test(self.packs, chunk, first=first))
        )

    def _rates(self, chunk: Chunk, start: int) -> np.ndarray:
        return np.stack([lane.rates(start, start + len(chunk)) for lane in self.lanes])

    def _stride(self) -> int:
        """Steps of all lanes until the next look at them."""
        cost = self.planner.costs.get(self.planner.current)
        return 10**9 if cost is None else max(1, int(LOOK / (cost * len(self.lanes))))

    def _measured(self, chunk: Chunk, seconds: float, steps: int, remaining: int, size: int) -> int:
        """Tell the planner what a piece took; returns how many steps the next one has."""
        if (self.planner.current, chunk.key) not in self._warm:
            self._warm.add((self.planner.current, chunk.key))
            return size
        if seconds < PIECE and steps == size:
            return 2 * size
        before = self.planner.current
        lanes = len(self.lanes)
        self.planner.measured(
            seconds / (steps * lanes), remaining=remaining, compile_seconds=self._compiled
        )
        return size if self.planner.current == before else 1

    def _stop_diverged(self, out: list[Any]) -> bool:
        """Let lanes go in the middle of an epoch whose loss isn't finite any more.

        The loss is a mean over the epoch so far, so it stays what it is. A trial that may roll back,
        or go on as a copy of another, waits for the epoch's end.
        """
        if self.exchange is not None or self.group.program.own_steps:
            return False
        gone = [
            (lane, logs)
            for lane, logs in zip(self.lanes, self._lane_logs(out), strict=True)
            if not lane.ended and not lane.restores and not np.isfinite(logs.get("loss", 0.0))
        ]
        for lane, logs in gone:
            lane.ended = True
            if self.group.feed.validates:
                logs.update({f"val_{name}": np.nan for name in logs})
        self.stopped += gone
        return bool(gone) and self._shrink()

    def _lane_logs(self, out: list[Any]) -> list[dict[str, Any]]:
        import jax

        found = []
        for pack, logs in zip(self.packs, out, strict=True):
            values = jax.tree.map(np.asarray, logs)
            for index in range(len(pack.lanes)):
                mine = values
                if pack.plan.width > 1:
                    mine = jax.tree.map(lambda array, index=index: array[index], values)
                found.append(internals.epoch_logs(mine))
        return found

    # -- plans -----------------------------------------------------------------------------------

    def _prepare(self, data: Iterable[Chunk]) -> None:
        # Streams are compiled for as they come; what is known beforehand is compiled side by side.
        wanted = [("train", chunk) for chunk in data] if isinstance(data, list) else []
        if self.group.feed.validates:
            held_out = self.group.feed.validation()
            if isinstance(held_out, list):
                wanted += [("test", chunk) for chunk in held_out]
        self._compile(wanted)

    def _compile(self, wanted: Sequence[tuple[str, Chunk]]) -> None:
        """Compile for the current plan; one that can't be compiled gives way to the next."""
        while True:
            self._follow()
            try:
                self._compiled += self.runner.prepare(
                    [(kind, self._plan, chunk) for kind, chunk in wanted]
                )
                return
            except Exception as error:
                if is_out_of_memory(error):
                    self._make_room(None, error)
                elif not self.planner.drop():
                    told = " ".join(str(error).split())[:200]
                    raise NotCompilable(
                        f"the training step can't be traced ({type(error).__name__}: {told})"
                    ) from error

    @property
    def _plan(self) -> Plan:
        """The planner's plan, no wider than is worth it for the lanes that are left."""
        plan = self.planner.current
        return replace(plan, width=min(plan.width, self._narrowed or plan.width))

    def _follow(self) -> None:
        if self._plan != self._compiled_plan:
            self._compiled_plan, self._compiled = self._plan, 0.0
        self.formation.follow(self._plan)

    def _narrow(self, lanes: int) -> None:
        """Make calls for fewer lanes from here on, if that is worth it for so many."""
        plan = self._plan
        # Enough for every thread to have a call.
        width = narrowed(plan.width, -(-lanes // plan.threads))
        steps = self.group.job.epochs * self.group.batches - self._trained
        if width < plan.width and self.planner.settled:
            known = self.runner.knows(replace(plan, width=width))
            if known or self.planner.pays(plan.width, width, steps=steps):
                self._narrowed = width

    def _attempt(self, what: tuple[str, Chunk], call: Callable[[], list[Any]]) -> list[Any]:
        """Make a call of the runner; where the memory is too small, again with more room.

        What a compiled function needs doesn't change, so states are kept before its first call, or
        where they are still on the host, only: a call that fails may have used them up.
        """
        while True:
            key = (what[0], self._plan, what[1].key, what[1].length)
            certain = key in self._proven and all(pack.placed for pack in self.packs)
            kept = None if certain else [pack.on_host() for pack in self.packs]
            try:
                out = call()
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._make_room(kept, error)
                self._compile([what])
                continue
            self._proven.add(key)
            return out

    def _make_room(self, kept: list[Any] | None, error: Exception) -> None:
        """Spare the device's memory: packs that wait stay on the host, then calls of fewer lanes."""
        if kept is not None:
            for pack, state in zip(self.packs, kept, strict=True):
                pack.put(state)
        if len(self.packs) > 1 and not self.group.parked:
            self.group.parked = self.formation.parked = True
        else:
            width = self._plan.width
            while self._plan.width == width:
                if not self.planner.halve():
                    raise error
        self.formation.stand(self.lanes, self._plan)

    def _shrink(self, *, anew: bool = False) -> bool:
        """Drop the lanes that ended, once that makes for fewer or narrower calls; whether it did.

        Args:
            anew: Whether lanes are out of their packs, and have to be packed in any case.
        """
        active = [lane for lane in self.lanes if not lane.ended]
        self._narrow(len(active))
        plan, width = self._plan, self.formation.plan.width
        if active and plan.width == width and -(-len(active) // width) == len(self.packs):
            if anew:
                self.formation.stand(self.lanes, plan)
            return False
        self.formation.stand(active, plan)
        return True
