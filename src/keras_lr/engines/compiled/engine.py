"""The engine that trains a wave of trials through as few programs as their structures allow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keras_lr.engines.compiled.candidates import available_cores
from keras_lr.engines.compiled.checks import unseen_rule
from keras_lr.engines.compiled.group import Group
from keras_lr.engines.compiled.groups import KEPT, Groups
from keras_lr.engines.compiled.memory import is_out_of_memory
from keras_lr.engines.compiled.settings import split
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.models import make_model
from keras_lr.engines.once import Once
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.engines.whole_settings import own_job
from keras_lr.errors import InvalidInput

AHEAD = 4
"""Structures that are made and compiled while another is trained, if there aren't more cores to
compile on: each is one more model on the device."""

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
        probe: The optimizer of a model of the job, where `build_model` has no searched arguments
            (saves building one more).
    """

    name = "compiled"
    wave = 16

    def __init__(self, job: Job, *, fall_back: bool = True, probe: Any = None) -> None:
        self.job = job
        self.fall_back = fall_back
        self.reasons: list[str] = []
        self._groups = Groups()
        self._optimizers: dict[Any, Any] = {} if probe is None else {_frozen({}): probe}

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
        results: dict[int, TrialResult] = {}
        waves: dict[Any, list[Trial]] = {}
        for index, spec in enumerate(specs):
            try:
                key, inputs = self._sort(spec)
            except InvalidInput:
                raise
            except Exception as error:
                if exchange is not None:
                    raise  # alike as they are, what one can't do none can
                results[index] = TrialResult(error=error)
                once.done(index, results[index])
                continue
            waves.setdefault(key, []).append((index, spec, inputs))
        if exchange is not None and len(waves) > 1:
            raise InvalidInput(
                "Trials that are copied to each other need one structure: the same arguments of "
                "build_model, and settings that the program takes as inputs."
            )
        keys, ahead = list(waves), min(KEPT, max(AHEAD, available_cores()))
        for number, key in enumerate(keys):
            for coming in keys[number : number + ahead]:
                self._prepare(
                    coming, waves[coming], early=len(keys) > 1, alike=exchange is not None
                )
            results |= self._train(key, waves[key], once)
            self._groups.forget(ahead)
        self._groups.tidy()
        return [results[index] for index in range(len(specs))]

    def _sort(self, spec: TrialSpec) -> tuple[Any, dict[str, Any]]:
        """Which program a trial needs, and what it puts into it."""
        arguments = _frozen(spec.arguments)
        if arguments not in self._optimizers:
            # One model for each set of arguments, to see what its optimizer can take as inputs.
            self._optimizers[arguments] = make_model(
                self.job, TrialSpec(arguments=spec.arguments)
            ).optimizer
        inputs, structure = split(self._optimizers[arguments], spec.settings)
        own = "learning_rate" not in spec.settings
        # A rule that only fit can follow keeps its own trial out of the program, not the others.
        unseen = unseen_rule(spec.rules)
        return (arguments, _frozen(structure), tuple(sorted(inputs)), own, unseen), inputs

    def _prepare(self, key: Any, trials: list[Trial], *, early: bool, alike: bool) -> None:
        """Have a structure's group, and its program being compiled if others are trained first."""
        if key not in self._groups:
            _, spec, inputs = trials[0]
            job = own_job(self.job, spec)
            try:
                group = self._groups.make(key, job, lambda feed: Group(job, spec, inputs, feed))
            except NotCompilable as error:
                self._groups[key] = None
                self._give_up(error)
            except InvalidInput:
                raise
            except Exception as error:
                if alike:
                    raise
                # Layers that don't fit the data, say: these trials fail, as they do in fit.
                self._groups[key] = error
            else:
                if early:
                    group.begin(len(trials))
        self._groups.use(key)

    def _train(self, key: Any, trials: list[Trial], once: Once) -> dict[int, TrialResult]:
        """Train the trials of one structure; what became of each, by its place."""
        group = self._groups[key]
        if isinstance(group, Exception):
            return _fail(trials, group, once)
        if group is None:
            return self._leave(trials, once)
        if group.job.seed != self.job.seed:
            group.reseed(self.job.seed)
        try:
            lanes = group.train(trials, once, once.done, once.exchange)
            return {lane.index: lane.result for lane in lanes}
        except NotCompilable as error:
            self._groups[key] = None
            self._give_up(error)
            return self._leave(trials, once)
        except Exception as error:
            if once.exchange is not None or not is_out_of_memory(error):
                raise
            # Not even one lane fits. The frames of the error would keep what fits.
            return _fail(trials, error.with_traceback(None), once)

    def _leave(self, trials: list[Trial], once: Once) -> dict[int, TrialResult]:
        """Have trials trained by `fit`; those that ended before their program gave up are through."""
        # With an exchange all run again: who ended may be the source of a copy.
        found = _ended(trials, once) if once.exchange is None else {}
        left = [trial for trial in trials if trial[0] not in found]
        for (index, _, _), result in zip(left, self._by_fit(left, once), strict=True):
            found[index] = result
        return found

    def _give_up(self, error: NotCompilable) -> None:
        """Leave trials to `fit`, or refuse them where that isn't wanted."""
        if not self.fall_back:
            raise InvalidInput(
                f"The compiled engine can't run this: {error}. Use engine='fit'."
            ) from error
        self.reasons.append(str(error))

    def _by_fit(self, trials: list[Trial], once: Once) -> list[TrialResult]:
        places = [index for index, _, _ in trials]
        return FitEngine(self.job).run(
            [spec for _, spec, _ in trials],
            lambda index, epoch, logs: once(places[index], epoch, logs),
            lambda index, result: once.done(places[index], result),
            # A run with an exchange is of one structure, so that places are places here too.
            once.exchange,
        )


def _ended(trials: list[Trial], once: Once) -> dict[int, TrialResult]:
    """The results of those that ended."""
    ended = {index: once.ended(index) for index, _, _ in trials}
    return {index: result for index, result in ended.items() if result is not None}


def _fail(trials: list[Trial], error: Exception, once: Once) -> dict[int, TrialResult]:
    """Let those that haven't ended fail."""
    found = _ended(trials, once)
    for index, _, _ in trials:
        if index not in found:
            found[index] = TrialResult(error=error)
            once.done(index, found[index])
    return found


def _frozen(values: Any) -> Any:
    """Something hashable that is equal for equal settings."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))
