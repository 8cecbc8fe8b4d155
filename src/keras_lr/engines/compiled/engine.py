"""The engine that trains a wave of trials through as few programs as their structures allow."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from keras_lr.engines.compiled.candidates import available_cores
from keras_lr.engines.compiled.checks import unseen_rule
from keras_lr.engines.compiled.group import Group
from keras_lr.engines.compiled.groups import KEPT, Groups
from keras_lr.engines.compiled.memory import is_out_of_memory, without_frames
from keras_lr.engines.compiled.settings import split
from keras_lr.engines.compiled.trial_lane import TrialLane
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.fit import train_left
from keras_lr.engines.models import make_model
from keras_lr.engines.once import Once
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.engines.whole_settings import own_job
from keras_lr.errors import InvalidInput

Trial = tuple[int, TrialSpec, dict[str, Any]]
"""Its place in the wave, the trial, and what it puts into its program."""


class CompiledEngine:
    """Trains trials as lanes of compiled programs; the same curves as `FitEngine`.

    Trials that differ in rate, schedule, rules, momentum and the like share a program. Those that
    differ in what decides the program (arguments of `build_model`, `nesterov`, ...) are grouped,
    and each group has its own.

    Args:
        job: What the trials have in common.
        fall_back: Train by `fit` what can't be compiled, instead of raising.
        optimizer: Of a model of the job, where `build_model` has no searched arguments (saves
            building one more).
    """

    name = "compiled"
    wave = 16

    def __init__(self, job: Job, *, fall_back: bool = True, optimizer: Any = None) -> None:
        self.job = job
        self.fall_back = fall_back
        self.reasons: list[str] = []
        self._groups = Groups()
        self._optimizers: dict[Any, Any] = {}
        if optimizer is not None:
            self._optimizers[_frozen({})] = optimizer

    @property
    def plan(self) -> str:
        """How the trials were executed: programs, compilation, plan."""
        told = self._groups.describe()
        if not told:
            return "; ".join(self.reasons) or "nothing ran yet"
        return "; ".join([told, *(f"by fit: {reason}" for reason in self.reasons)])

    def reseed(self, seed: int) -> None:
        """Train from here on with another seed; what is compiled stays.

        A group takes its new weights when it trains next: until then its model may not be there.
        """
        self.job = replace(self.job, seed=seed)

    def close(self) -> None:
        """Nothing runs beside this process."""

    def run(
        self,
        specs: Sequence[TrialSpec],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialResult]:
        """Train a wave of trials; see `Engine.run`."""
        once = Once(len(specs), report, done, exchange)
        waves: dict[Any, list[Trial]] = {}
        for index, spec in enumerate(specs):
            try:
                key, inputs = self._sort(spec)
            except InvalidInput:
                raise
            except Exception as error:
                once.failed([index], error)
                continue
            waves.setdefault(key, []).append((index, spec, inputs))
        if exchange is not None and len(waves) > 1:
            raise InvalidInput(
                "Trials that are copied to each other need one structure: the same arguments of "
                "build_model, and settings that the program takes as inputs."
            )
        keys = list(waves)
        for number, key in enumerate(keys):
            self._groups.need(keys[number:])
            # While one is trained, every core can compile another; each is a model on the device.
            near = keys[number : number + min(KEPT, 1 + available_cores())]
            self._prepare(near, waves, alike=exchange is not None)
            self._train(key, waves[key], once)
        self._groups.tidy()
        return once.collect()

    def _sort(self, spec: TrialSpec) -> tuple[Any, dict[str, Any]]:
        """Which program a trial needs, and what it puts into it."""
        arguments = _frozen(spec.arguments)
        if arguments not in self._optimizers:
            # One model for each set of arguments, to see what its optimizer can take as inputs.
            alone = TrialSpec(arguments=spec.arguments)
            self._optimizers[arguments] = self._with_room(
                None, lambda: make_model(self.job, alone).optimizer
            )
        inputs, structure = split(self._optimizers[arguments], spec.settings)
        own = "learning_rate" not in spec.settings
        # A rule that only fit can follow keeps its own trial out of the program, not the others.
        unseen = unseen_rule(spec.rules)
        return (arguments, _frozen(structure), tuple(sorted(inputs)), own, unseen), inputs

    def _prepare(self, keys: list[Any], waves: dict[Any, list[Trial]], *, alike: bool) -> None:
        """Have the first structure's group, and those of the next ones as long as there is room."""
        for key in keys:
            if key not in self._groups:
                ahead, early = key != keys[0], len(keys) > 1
                if not self._make(key, waves[key], ahead=ahead, early=early, alike=alike):
                    return
            if not self._groups.forget(keys):
                return

    def _make(
        self, key: Any, trials: list[Trial], *, ahead: bool, early: bool, alike: bool
    ) -> bool:
        """Make a structure's group, or note why it has none; `False` if it has to wait for its turn.

        Args:
            key: The structure.
            trials: Those that are of it.
            ahead: Whether others have their turn before it: these keep their room.
            early: Whether its program is to be compiled while others are compiled or trained.
            alike: Whether the trials may become copies of each other.
        """
        _, spec, inputs = trials[0]
        job = own_job(self.job, spec)

        def make() -> Group:
            return self._groups.make(key, job, lambda feed: Group(job, spec, inputs, feed))

        try:
            group = make() if ahead else self._with_room(key, make)
        except NotCompilable as error:
            self._groups[key] = None
            self._give_up(error)
        except InvalidInput:
            raise
        except Exception as error:
            if ahead and is_out_of_memory(error):
                return False
            if alike:
                raise
            # Layers that don't fit the data, say: these trials fail, as they do in fit.
            self._groups[key] = without_frames(error)
        else:
            if early:
                group.begin(len(trials))
        return True

    def _train(self, key: Any, trials: list[Trial], once: Once) -> None:
        """Train the trials of one structure."""
        group = self._groups[key]
        if isinstance(group, Exception):
            _fail(trials, group, once)
            return
        if group is None:
            self._leave(trials, once)
            return

        def train() -> list[TrialLane]:
            if group.job.seed != self.job.seed:
                group.reseed(self.job.seed)
            return group.train(trials, once, once.done, once.exchange)

        try:
            for lane in self._with_room(key, train):
                if lane.result.weights is not None:
                    once.keep(lane.index, lane.result.weights)
        except NotCompilable as error:
            self._groups[key] = None
            self._give_up(error)
            self._leave(trials, once)
        except Exception as error:
            if once.exchange is not None or not is_out_of_memory(error):
                raise
            # Not even one lane fits, or no second model beside the first.
            _fail(trials, without_frames(error), once)

    def _with_room(self, key: Any, call: Callable[[], Any]) -> Any:
        """What a call gives; where the device's memory is too small, again without other structures.

        Args:
            key: The structure that it is made for.
            call: The call. What it told the first time isn't told again (`Once`).
        """
        try:
            return call()
        except Exception as error:
            if not is_out_of_memory(error) or not self._groups.leave_only(key):
                raise
        # The error is gone by here, and with it the frames that held what was half made.
        gc.collect()
        return call()

    def _leave(self, trials: list[Trial], once: Once) -> None:
        """Have trials trained by `fit`; those that ended before their program gave up are through."""
        specs = {index: spec for index, spec, _ in trials}
        if once.exchange is None:
            specs = {index: specs[index] for index in once.left(list(specs))}
        # With an exchange all run again: who ended may be the source of a copy.
        train_left(self.job, specs, once)

    def _give_up(self, error: NotCompilable) -> None:
        """Leave trials to `fit`, or refuse them where that isn't wanted."""
        if not self.fall_back:
            raise InvalidInput(
                f"The compiled engine can't run this: {error}. Use engine='fit'."
            ) from error
        self.reasons.append(str(error))


def _fail(trials: list[Trial], error: Exception, once: Once) -> None:
    """Let those that haven't ended fail."""
    for index in once.left([index for index, _, _ in trials]):
        once.done(index, TrialResult(error=error))


def _frozen(values: Any) -> Any:
    """Something hashable that is equal for equal settings."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))
