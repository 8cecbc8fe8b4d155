"""Trials that share a program: one model, one pass over the data an epoch, many lanes."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keras_lr.engines import internals
from keras_lr.engines.compiled.checks import obstacle, scaled_schedule, unseen_rule
from keras_lr.engines.compiled.chunk import Chunk
from keras_lr.engines.compiled.feed import Feed
from keras_lr.engines.compiled.good import GoodStates
from keras_lr.engines.compiled.lanes import Lane, Pack, Runner
from keras_lr.engines.compiled.planner import Planner, default_candidates
from keras_lr.engines.compiled.program import Program
from keras_lr.engines.compiled.rates import RateTable
from keras_lr.engines.compiled.settings import as_pairs, representative
from keras_lr.engines.compiled.trial_lane import TrialLane
from keras_lr.engines.endings import endings
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.models import make_model
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialSpec
from keras_lr.rate import leaves, own_schedule
from keras_lr.rate.running import mean_batch_size

PIECE = 0.02
"""Seconds that a measurement lasts at least, where there are steps enough."""


class Group:
    """A program for trials of the same structure, and what it takes to run them.

    Args:
        job: What all trials have in common.
        spec: One of the trials; its structure is the group's.
        inputs: The settings that differ from trial to trial, with this trial's values.

    Raises:
        NotCompilable: The job can't be compiled, with the reason.
    """

    def __init__(self, job: Job, spec: TrialSpec, inputs: dict[str, Any]) -> None:
        import keras

        settings = {**spec.settings, **representative(inputs)}
        self.job = job
        self.model = make_model(job, TrialSpec(settings, arguments=spec.arguments))
        reason = obstacle(job, self.model)
        if reason is not None:
            raise NotCompilable(reason)
        self.feed = Feed(job)
        iterator = self.feed.start()
        internals.build(self.model, iterator)
        self.batches = iterator.num_batches
        self.batch_size = mean_batch_size(iterator.data_adapter)
        if not self.batches:
            raise NotCompilable("the data has no known length")
        self.feed.mark()
        self.program = Program(self.model)
        self.runner = Runner(self.program)
        self._start = self.program.state()
        self.planner: Planner | None = None
        self._planned_for = 0
        keras.utils.set_random_seed(job.seed)

    def train(
        self,
        trials: Sequence[tuple[int, TrialSpec, dict[str, Any]]],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialLane]:
        """Train trials of this structure side by side.

        Args:
            trials: Place in the wave, the trial, and its inputs.
            report: See `Engine.run`.
            done: See `Engine.run`.
            exchange: See `Engine.run`.
        """
        import keras

        lanes = [self._lane(*trial) for trial in trials]
        if self.planner is None or len(lanes) > 2 * self._planned_for:
            self.planner = Planner(default_candidates(len(lanes), self.model))
            self._planned_for = len(lanes)
        keras.utils.set_random_seed(self.job.seed)
        iterator = self.feed.restart()
        wave = _Wave(self, lanes, report, done, exchange)
        for epoch in range(self.job.epochs):
            if not wave.packs:
                break
            wave.epoch(epoch, self.feed.training(iterator))
        return lanes

    def weights(self, lane: Lane) -> list[np.ndarray]:
        """What `model.get_weights()` would give for this lane."""
        assert lane.state is not None
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        values = [*lane.state.trainable, *lane.state.non_trainable]
        found = {id(v): value for v, value in zip(variables, values, strict=True)}
        return [np.array(found[id(variable)]) for variable in self.model.weights]

    def _lane(self, index: int, spec: TrialSpec, inputs: dict[str, Any]) -> TrialLane:
        own = "learning_rate" not in spec.settings
        optimizer = self.model.optimizer
        reason = scaled_schedule(optimizer, given=spec.schedule is not None, own=own)
        reason = reason or unseen_rule(spec.rules)
        if reason is not None:
            raise NotCompilable(reason)
        follows = own and any(own_schedule(leaf) is not None for leaf in leaves(optimizer))
        if follows and any(rule.restores for rule in spec.rules):
            raise NotCompilable(
                "a rule may roll back the step count of the optimizer's own schedule"
            )
        table = RateTable(
            self.model.optimizer,
            spec.settings.get("learning_rate"),
            spec.schedule,
            batches=self.batches,
            epochs=self.job.epochs,
            batch_size=self.batch_size,
            reduced=bool(spec.rules),
        )
        lane = Lane(self._start, as_pairs(inputs))
        return TrialLane(index, spec, lane, table, self.batches)


class _Wave:
    """The lanes of one call of `Group.train`, epoch by epoch."""

    def __init__(
        self,
        group: Group,
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
        self.lanes = lanes
        self.packs = self._pack()
        self.good = GoodStates(self.packs) if any(lane.restores for lane in lanes) else None
        self._begins = True
        self._compiled = 0.0
        self._warm: set[Any] = set()

    def epoch(self, epoch: int, data: Iterable[Chunk]) -> None:
        """Train, validate, and end an epoch for every lane."""
        started = time.perf_counter()
        if epoch == 0:
            self._prepare(data)
        logs: list[dict[str, Any]] = []
        seen = 0
        for chunk in data:
            start = epoch * self.group.batches + seen
            rates = np.stack([lane.rates(start, start + len(chunk)) for lane in self.lanes])
            left = self.group.job.epochs * self.group.batches - start
            logs = self._train(chunk, rates, first=seen == 0, left=left)
            seen += len(chunk)
        if self.group.feed.validates:
            tested: list[dict[str, Any]] = []
            for number, chunk in enumerate(self.group.feed.validation()):
                tested = self._lane_logs(self.runner.test(self.packs, chunk, first=number == 0))
            logs = [
                {**mine, **{f"val_{name}": value for name, value in held_out.items()}}
                for mine, held_out in zip(logs, tested, strict=True)
            ]
        self._end(epoch, logs, time.perf_counter() - started)

    def _end(self, epoch: int, logs: list[dict[str, Any]], seconds: float) -> None:
        finite = [True] * len(self.lanes) if self.good is None else self.good.finite(self.packs)
        active = [lane for lane in self.lanes if not lane.ended]
        rollbacks = []
        for lane, values, sound in zip(self.lanes, logs, finite, strict=True):
            rollbacks.append(
                not lane.ended
                and lane.end_epoch(epoch, values, finite=sound if lane.restores else True)
            )
        if self.good is not None:
            self.good.end_epoch(self.packs, rollbacks)
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
                    self._unpack()
                    unpacked = True
                lane.result.weights = self.group.weights(lane.lane)
        if unpacked and not last:
            self._repack()
        self._shrink()

    def _exchange(self, exchange: Exchange, epoch: int, active: list[TrialLane]) -> None:
        """Let trials go on as copies of others, those that diverged in this epoch too."""
        lanes = {lane.index: lane for lane in active if not lane.result.pruned}
        becoming = exchange(epoch, {index: lane.last_logs() for index, lane in lanes.items()})
        if not becoming:
            return
        self._unpack()
        for index, how in becoming.items():
            lanes[index].become(lanes[how.source], how)
        self._repack()

    # -- data and plans -------------------------------------------------------------------------

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
            if self.planner.current != self.packs[0].plan:
                self._unpack()
                self._repack()
                self._compiled = 0.0
            try:
                self._compiled += self.runner.prepare(
                    [(kind, self.packs[0], chunk) for kind, chunk in wanted]
                )
                return
            except Exception as error:
                if not self.planner.drop():
                    told = " ".join(str(error).split())[:200]
                    raise NotCompilable(
                        f"the training step can't be traced ({type(error).__name__}: {told})"
                    ) from error

    def _train(
        self, chunk: Chunk, rates: np.ndarray, *, first: bool, left: int
    ) -> list[dict[str, Any]]:
        """Train on a chunk; while the plan isn't settled, on measured pieces of it."""
        position, size, out = 0, 1, []
        while position < len(chunk):
            stop = len(chunk) if self.planner.settled else min(len(chunk), position + size)
            begins = self.good is not None and self._begins and position == 0
            if begins:
                stop = min(len(chunk), self.group.model.steps_per_execution)
            self._compile([("train", chunk)])
            started = time.perf_counter()
            out = self.runner.train(
                self.packs, chunk, rates, first=first and position == 0, span=(position, stop)
            )
            seconds = time.perf_counter() - started
            steps = stop - position
            position = stop
            if begins:
                # Rules that roll back judge the first epoch by its first batch.
                for lane, logs in zip(self.lanes, self._lane_logs(out), strict=True):
                    lane.begin(logs)
                self._begins = False
            if self.planner.settled:
                continue
            if (self.planner.current, chunk.key) not in self._warm:
                self._warm.add((self.planner.current, chunk.key))
                continue
            if seconds < PIECE and position < len(chunk):
                size *= 2
                continue
            lanes = len(self.lanes)
            self.planner.measured(
                seconds / (steps * lanes),
                remaining=(left - position) * lanes,
                compile_seconds=self._compiled,
            )
            size = 1
        return self._lane_logs(out)

    def _lane_logs(self, out: list[Any]) -> list[dict[str, Any]]:
        import jax

        found = []
        for pack, logs in zip(self.packs, out, strict=True):
            host = jax.tree.map(np.asarray, logs)
            for index in range(len(pack.lanes)):
                mine = host
                if pack.plan.width > 1:
                    mine = jax.tree.map(lambda array, index=index: array[index], host)
                found.append(internals.epoch_logs(mine))
        return found

    # -- packs ----------------------------------------------------------------------------------

    def _pack(self) -> list[Pack]:
        plan = self.planner.current
        lanes = [lane.lane for lane in self.lanes]
        return [Pack(lanes[i : i + plan.width], plan) for i in range(0, len(lanes), plan.width)]

    def _unpack(self) -> None:
        for pack in self.packs:
            pack.unpack()

    def _repack(self) -> None:
        good = None if self.good is None else self.good.unpacked(self.packs)
        self.packs = self._pack()
        if good is not None:
            self.good = GoodStates.of(good, self.packs)

    def _shrink(self) -> None:
        """Drop the lanes that ended, once that makes for fewer packs."""
        active = [lane for lane in self.lanes if not lane.ended]
        if not active:
            self.packs = []
            return
        width = self.planner.current.width
        if -(-len(active) // width) == len(self.packs):
            return
        good = None if self.good is None else self.good.unpacked(self.packs)
        self._unpack()
        if good is not None:
            good = [s for s, lane in zip(good, self.lanes, strict=True) if not lane.ended]
        self.lanes = active
        self.packs = self._pack()
        if good is not None:
            self.good = GoodStates.of(good, self.packs)
