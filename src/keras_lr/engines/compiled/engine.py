"""The engine that trains a wave of trials through as few programs as their structures allow."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keras_lr.engines.compiled.checks import unseen_rule
from keras_lr.engines.compiled.group import Group
from keras_lr.engines.compiled.settings import split
from keras_lr.engines.engine import NotCompilable
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.models import make_model
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.engines.whole_settings import own_job
from keras_lr.errors import InvalidInput


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
        self._groups: dict[Any, Group | None] = {}
        self._impossible: dict[Any, Exception] = {}
        self._optimizers: dict[Any, Any] = {} if probe is None else {_frozen({}): probe}

    @property
    def plan(self) -> str:
        """How the trials were executed: programs, compilation, plan."""
        groups = [group for group in self._groups.values() if group is not None]
        if not groups:
            return "; ".join(self.reasons) or "nothing ran yet"
        plans = dict.fromkeys(group.planner.describe() for group in groups if group.planner)
        seconds = sum(group.runner.compile_seconds for group in groups)
        programs = "1 program" if len(groups) == 1 else f"{len(groups)} programs"
        told = f"{programs}, compiled in {seconds:.1f} s; {' | '.join(plans)}"
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
        results: list[TrialResult | None] = [None] * len(specs)
        waves: dict[Any, list[tuple[int, TrialSpec, dict[str, Any]]]] = {}
        for index, spec in enumerate(specs):
            try:
                key, inputs = self._sort(spec)
            except InvalidInput:
                raise
            except Exception as error:
                if exchange is not None:
                    raise  # alike as they are, what one can't do none can
                failed = results[index] = TrialResult(error=error)
                done(index, failed)
                continue
            waves.setdefault(key, []).append((index, spec, inputs))
        if exchange is not None and len(waves) > 1:
            raise InvalidInput(
                "Trials that are copied to each other need one structure: the same arguments of "
                "build_model, and settings that the program takes as inputs."
            )
        fresh = [key for key in waves if key not in self._groups]
        for key in fresh:
            _, spec, inputs = waves[key][0]
            try:
                self._groups[key] = self._group(spec, inputs)
            except InvalidInput:
                raise
            except Exception as error:
                if exchange is not None:
                    raise
                # Layers that don't fit the data, say: these trials fail, as they do in fit.
                self._groups[key], self._impossible[key] = None, error
        for key in fresh if len(fresh) > 1 else ():
            group = self._groups[key]
            if group is not None:
                group.begin(len(waves[key]))
        for key, trials in waves.items():
            for (index, _, _), result in zip(
                trials, self._train(key, trials, report, done, exchange), strict=True
            ):
                results[index] = result
        return [result for result in results if result is not None]

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

    def _train(
        self,
        key: Any,
        trials: list[tuple[int, TrialSpec, dict[str, Any]]],
        report: Report,
        done: Done,
        exchange: Exchange | None,
    ) -> list[TrialResult]:
        group = self._groups[key]
        if key in self._impossible:
            failed = [TrialResult(error=self._impossible[key]) for _ in trials]
            for (index, _, _), result in zip(trials, failed, strict=True):
                done(index, result)
            return failed
        if group is not None:
            if group.job.seed != self.job.seed:
                group.reseed(self.job.seed)
            try:
                return [lane.result for lane in group.train(trials, report, done, exchange)]
            except NotCompilable as error:
                self._give_up(error)
                self._groups[key] = None
        return self._by_fit(trials, report, done, exchange)

    def _group(self, spec: TrialSpec, inputs: dict[str, Any]) -> Group | None:
        try:
            return Group(own_job(self.job, spec), spec, inputs)
        except NotCompilable as error:
            self._give_up(error)
            return None

    def _give_up(self, error: NotCompilable) -> None:
        """Leave trials to `fit`, or refuse them where that isn't wanted."""
        if not self.fall_back:
            raise InvalidInput(
                f"The compiled engine can't run this: {error}. Use engine='fit'."
            ) from error
        self.reasons.append(str(error))

    def _by_fit(
        self,
        trials: list[tuple[int, TrialSpec, dict[str, Any]]],
        report: Report,
        done: Done,
        exchange: Exchange | None,
    ) -> list[TrialResult]:
        places = [index for index, _, _ in trials]
        return FitEngine(self.job).run(
            [spec for _, spec, _ in trials],
            lambda index, epoch, logs: report(places[index], epoch, logs),
            lambda index, result: done(places[index], result),
            # A run with an exchange is of one structure, so that places are places here too.
            exchange,
        )


def _frozen(values: Any) -> Any:
    """Something hashable that is equal for equal settings."""
    return tuple(sorted((name, repr(value)) for name, value in values.items()))
