"""A search from end to end: it asks for trials, has them trained, and writes down what they gave."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Literal

from keras_lr.engines import Job, TrialResult, TrialSpec, choose_engine
from keras_lr.engines.job_checks import check_job, whole
from keras_lr.engines.trial import Done
from keras_lr.tuner.best_file import BestFile
from keras_lr.tuner.horizon import check_compressible, shortened
from keras_lr.tuner.objective import check_objective, direction_of
from keras_lr.tuner.progress import Progress
from keras_lr.tuner.pruners import as_pruner, notes
from keras_lr.tuner.racing import Race
from keras_lr.tuner.reporting import Reporting
from keras_lr.tuner.run_checks import (
    build_probe,
    check_first_batch,
    check_schedules,
    other_settings,
    run_facts,
)
from keras_lr.tuner.samplers import as_sampler
from keras_lr.tuner.sampling import Sampling
from keras_lr.tuner.share import Share
from keras_lr.tuner.space import check_names, first_arguments, read_space
from keras_lr.tuner.study import Study
from keras_lr.tuner.waves import wave_size


class Search:
    """One call of `tune`: `connect`, `run`, then `study`.

    Args:
        job: What all trials have in common.
        space: As `tune` was given it.
        trials: How many there are in all.
        objective: The logged value to optimise.
        direction: Whether less or more of it is better; `None` for what its name says.
        horizon: The share of the epochs that trials run.

    Raises:
        InvalidInput: For what `tune` refuses before anything is trained.
    """

    def __init__(
        self,
        job: Job,
        space: Any,
        *,
        trials: int,
        objective: str,
        direction: str | None,
        horizon: float = 1.0,
    ) -> None:
        self.opened = ExitStack()
        self.count = whole(trials, "trials")
        job = check_job(job)
        check_names(space, job.build_model, None)
        self.epochs = job.epochs
        job = replace(job, epochs=shortened(job.epochs, horizon))
        self.job = job
        self.given = dict(space)
        self.objective = objective
        self.probe = build_probe(job, space)
        others = other_settings(job, self.probe, space)
        found = read_space(space, job.build_model, self.probe.optimizer, others)
        check_compressible(found, self.probe.optimizer, job.epochs / self.epochs)
        self.space = replace(found, share=job.epochs / self.epochs)
        check_schedules(job, self.space, self.probe.optimizer)
        check_first_batch(job, self.probe)
        check_objective(job, self.probe, objective)
        self.direction: Literal["minimize", "maximize"] = direction_of(objective, direction)
        self.kept: tuple[int, list[Any]] | None = None
        self.best: tuple[float, int] | None = None
        self.interrupted = False
        self.trained = False

    def connect(
        self, engine: Any, *, sampler: Any, pruner: Any, storage: Any, name: str | None
    ) -> None:
        """Choose the engine, and open or resume the study."""
        self.requested = engine
        self.engine, self.reason = choose_engine(
            engine,
            self.job,
            self.probe,
            trials=self.count,
            schedules=any(schedule is not None for schedule in self.space.schedules()),
            own="learning_rate" not in self.space.settings,
            arguments=first_arguments(self.given, self.job.build_model),
        )
        self.opened.callback(self.engine.close)
        self.sampling = Sampling(
            self.space,
            self.direction,
            self.about(),
            sampler=as_sampler(sampler, self.job.seed, self.space.distributions()),
            pruner=as_pruner(pruner, self.job.epochs),
            storage=storage,
            name=name,
        )
        self.opened.callback(self.sampling.close)
        name = self.sampling.study.study_name
        self.best_file = BestFile(storage, name, self.sampling.ledger.identity)
        self.race = Race(self.sampling.study)
        self.wave = wave_size(self.engine, self.sampling.study.sampler, self.probe)

    def about(self) -> dict[str, Any]:
        """What a stored study has to agree with."""
        return {
            "space": self.space.described(),
            "objective": self.objective,
            "epochs": self.job.epochs,
            "seed": self.job.seed,
            "batch_size": self.job.batch_size,
            **run_facts(self.job, self.probe),
            **({} if self.epochs == self.job.epochs else {"horizon": self.epochs}),
        }

    def run(self, *, quiet: bool) -> None:
        """Run the missing trials, wave by wave."""
        done = self.sampling.trials()
        for trial in done:
            self._note(trial.value, trial.number)
        missing = max(0, self.count - len(done))
        total = missing * self.job.epochs
        with Progress(total, self.count, len(done), self.objective, quiet=quiet) as progress:
            if self.reason is not None:
                progress.say(f"engine='fit', since {self.reason}.")
            for note in self._notes():
                progress.say(note)
            if done:
                progress.say(f"resuming: {len(done)} of {self.count} trials are in the storage.")
            share = Share(self.sampling.ledger, self.count, progress)
            try:
                while (size := share.next(self.wave)) > 0:
                    self._wave(size, progress)
                    self._told(progress)
            except KeyboardInterrupt:
                self.interrupted = True
                self._told(progress)
                kept = f"{len(self.sampling.trials())} of {self.count} trials are kept"
                progress.say(f"interrupted; {kept}. {self.resumption()}")

    def resumption(self) -> str:
        """What becomes of an interrupted study when it is called again."""
        would = "" if self.sampling.storage is not None else "With a storage, "
        return f"{would}{'t' if would else 'T'}he same call goes on from there."

    def _notes(self) -> list[str]:
        found = notes(self.sampling.study.pruner, epochs=self.job.epochs, trials=self.count)
        if self.epochs != self.job.epochs:
            found.append(f"trials of {self.job.epochs} epochs, for a training of {self.epochs}.")
            if "rules" in self.given:
                found.append("rules count the trials' own epochs; only schedules are compressed.")
        return found

    def _told(self, progress: Progress) -> None:
        done = self.sampling.trials()
        for trial in done:
            self._note(trial.value, trial.number)  # those of other processes too
        if self.kept is not None and self.best is not None and self.kept[0] == self.best[1]:
            self.best_file.write(*self.kept)
        progress.wave(len(done), None if self.best is None else self.best[0])

    def _wave(self, size: int, progress: Progress) -> None:
        self.trained = True
        asked = self.sampling.ask(size, self.count)
        ended: dict[int, TrialResult] = {}

        def done(index: int, result: TrialResult) -> bool:
            ended[index] = result
            value = self._value(result)
            self.race.end(asked[index], result.history.get(self.objective, ()))
            counts = self.sampling.ledger.keep(asked[index], result, value)
            return counts and self._note(value, asked[index].number)

        try:
            specs = self._specs(asked, done)
            places = list(specs)
            report = Reporting(
                [asked[place] for place in places],
                self.race,
                objective=self.objective,
                epochs=self.job.epochs,
                progress=progress,
            )
            self.engine.run(
                list(specs.values()), report, lambda index, result: done(places[index], result)
            )
        finally:
            self._tell(asked, ended)
        self._refuse_all_failed(ended)

    def _specs(self, asked: list[Any], done: Done) -> dict[int, TrialSpec]:
        """The trials to train, by place; one whose schedule or rules can't be made has failed."""
        specs = {}
        for place, trial in enumerate(asked):
            try:
                specs[place] = self.space.spec(self.space.params(trial.params))
            except Exception as error:
                done(place, TrialResult(error=error))
        return specs

    def _tell(self, asked: list[Any], ended: Mapping[int, TrialResult]) -> None:
        for index, trial in enumerate(asked):
            result = ended.get(index)
            if result is None:
                self.sampling.ledger.abandon(trial)
                continue
            self.sampling.ledger.tell(trial)
            if result.weights is not None and self.best and trial.number == self.best[1]:
                self.kept = trial.number, result.weights
            result.weights = None

    def _refuse_all_failed(self, ended: Mapping[int, TrialResult]) -> None:
        # One set of arguments may be impossible; if all are, it is a mistake that has to be seen.
        errors = [result.error for result in ended.values() if result.error is not None]
        if not errors or len(errors) < len(ended):
            return
        if all(trial.state == "failed" for trial in self.sampling.trials()):
            raise errors[0]

    def _value(self, result: TrialResult) -> float | None:
        if not result.finished or self.objective not in result.history:
            return None
        value = result.history[self.objective][-1]
        return value if math.isfinite(value) else None

    def _note(self, value: float | None, number: int) -> bool:
        """Take note of a value; whether it is the best so far, as `Study.best` will see it."""
        if value is None:
            return False
        sign = 1 if self.direction == "minimize" else -1
        # Trials may end in any order; of equal ones the first by number is the best.
        better = self.best is None or (sign * value, number) < (sign * self.best[0], self.best[1])
        if better:
            self.best = value, number
        return better

    def study(self, seconds: float) -> Study:
        """What to give back."""
        plan = self.engine.plan + ("" if self.reason is None else f", since {self.reason}")
        if not (self.trained or self.interrupted):
            plan = "nothing, since every trial was in the storage"
        return Study(
            trials=self.sampling.trials(),
            objective=self.objective,
            direction=self.direction,
            space=self.given,
            engine=self.engine.name,
            plan=plan,
            seconds=seconds,
            interrupted=self.interrupted,
            optuna=self.sampling.study,
            _job=self.job,
            _space=self.space,
            _epochs=self.epochs,
            _kept=self.kept,
            _best_file=self.best_file,
            _engine=self.requested,
            _stored=self.sampling.stored,
        )
