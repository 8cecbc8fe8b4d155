"""Trials that share a program: one model, one pass over the data an epoch, many lanes."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from keras_lr.engines import internals
from keras_lr.engines.compiled.candidates import default_candidates, has_convolutions
from keras_lr.engines.compiled.checks import obstacle, scaled_schedule, unseen_rule
from keras_lr.engines.compiled.feed import Feed
from keras_lr.engines.compiled.lanes import Lane
from keras_lr.engines.compiled.planner import Planner
from keras_lr.engines.compiled.program import Program
from keras_lr.engines.compiled.rates import RateTable
from keras_lr.engines.compiled.runner import Runner
from keras_lr.engines.compiled.settings import as_pairs, representative
from keras_lr.engines.compiled.trial_lane import TrialLane
from keras_lr.engines.compiled.wave import Wave
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.kept import optimizer_state
from keras_lr.engines.models import make_model
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialSpec
from keras_lr.rate import leaves, own_schedule
from keras_lr.rate.running import mean_batch_size


class Group:
    """A program for trials of the same structure, and what it takes to run them.

    Args:
        job: What all trials have in common.
        spec: One of the trials; its structure is the group's.
        inputs: The settings that differ from trial to trial, with this trial's values.
        feed: The data in batches of the job's size, which several groups may share.

    Raises:
        NotCompilable: The job can't be compiled, with the reason.

    Attributes:
        state_bytes: Bytes of a lane's state.
        parked: Whether lanes that wait for their call stay on the host, since the device's memory
            was too small for all of them.
    """

    def __init__(
        self, job: Job, spec: TrialSpec, inputs: dict[str, Any], feed: Feed | None = None
    ) -> None:
        import jax
        import keras

        settings = {**spec.settings, **representative(inputs)}
        self.job = job
        self._spec = TrialSpec(settings, arguments=spec.arguments)
        self.model = make_model(job, self._spec)
        reason = obstacle(job, self.model)
        if reason is not None:
            raise NotCompilable(reason)
        self.feed = Feed(job) if feed is None else feed
        iterator = self.feed.start()
        internals.build(self.model, iterator)
        batches = iterator.num_batches
        if not batches:
            raise NotCompilable("the data has no known length")
        self.batches: int = batches
        self.batch_size = mean_batch_size(iterator.data_adapter)
        self._mark = self.feed.mark()
        self.program = Program(self.model)
        self.runner = Runner(self.program, tuple(inputs))
        self._start = self.program.state()
        self.state_bytes = sum(array.nbytes for array in jax.tree.leaves(self._start))
        self.planner: Planner | None = None
        self.parked = False
        self._planned_for = 0
        self._trained = 0
        keras.utils.set_random_seed(job.seed)

    def reseed(self, seed: int) -> None:
        """Train from here on with another seed's weights and batches; nothing is compiled anew.

        Its second model may not fit beside the first: until it was there nothing is another seed's.
        """
        job = replace(self.job, seed=seed)
        model = make_model(job, self._spec)
        internals.build(model, self.feed.start())
        mark, start = self.feed.mark(), Program(model).state()
        self.job, self._mark, self._start = job, mark, start

    def begin(self, lanes: int) -> None:
        """Start to compile for so many lanes, while others are compiled or trained."""
        plan = self._plan(lanes).current
        # What can't be read comes up again in its turn; so does what can't be traced, where another
        # plan is tried, and what doesn't fit, where others make room.
        with contextlib.suppress(Exception):
            iterator = self.feed.restart(self._mark)
            found = self.feed.training(iterator) if internals.is_array_data(iterator) else ()
            if not isinstance(found, list):
                return  # what has to be streamed is compiled for when it comes
            wanted = [("train", chunk) for chunk in found]
            held_out = self.feed.validation() if self.feed.validates else ()
            if isinstance(held_out, list):
                wanted += [("test", chunk) for chunk in held_out]
            self.runner.begin([(kind, plan, chunk) for kind, chunk in wanted])

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
        steps = len(lanes) * self.job.epochs * self.batches
        # What is to come isn't known; as much again as was trained so far is a fair guess.
        self._plan(len(lanes)).reopen(max(steps, self._trained))
        self._trained += steps
        keras.utils.set_random_seed(self.job.seed)
        iterator = self.feed.restart(self._mark)
        wave = Wave(self, lanes, report, done, exchange)
        for epoch in range(self.job.epochs):
            if not wave.packs:
                break
            wave.epoch(epoch, self.feed.training(iterator))
        return lanes

    def _plan(self, lanes: int) -> Planner:
        import jax

        if self.planner is None or lanes > 2 * self._planned_for:
            slow = has_convolutions(self.model) and jax.default_backend() == "cpu"
            plans = default_candidates(lanes, self.model, self.state_bytes)
            self.planner = Planner(plans, convolutions=slow)
            self._planned_for = lanes
        return self.planner

    def weights(self, lane: Lane) -> list[np.ndarray]:
        """What `kept.keep(model)` would give for this lane's own model."""
        assert lane.state is not None
        values = self.program.finished(lane.state)
        state = optimizer_state(self.model.optimizer, lane.settings)
        return [np.array(values[id(variable)]) for variable in [*self.model.weights, *state]]

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
