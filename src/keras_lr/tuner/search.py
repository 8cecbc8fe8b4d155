"""Search the rate, and what goes with it: the function `keras_lr.tune`."""

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from keras_lr.engines import Job, TrialResult, TrialSpec, choose_engine, close_engine
from keras_lr.engines.job_checks import check_job, whole
from keras_lr.engines.ray import RayOptions
from keras_lr.engines.trial import Done
from keras_lr.errors import InvalidInput
from keras_lr.tuner.beside import Beside
from keras_lr.tuner.horizon import check_compressible, shortened
from keras_lr.tuner.objective import check_objective, direction_of
from keras_lr.tuner.population.checks import check_method
from keras_lr.tuner.population.truncation import PBT
from keras_lr.tuner.progress import Progress
from keras_lr.tuner.quiet import quietly
from keras_lr.tuner.racing import Pruner, Race, as_pruner, notes
from keras_lr.tuner.reporting import Reporting
from keras_lr.tuner.run_checks import (
    build_probe,
    check_first_batch,
    check_parts,
    check_schedules,
    other_settings,
)
from keras_lr.tuner.samplers import Sampler, as_sampler
from keras_lr.tuner.sampling import Sampling
from keras_lr.tuner.share import Share
from keras_lr.tuner.space import check_names, read_space
from keras_lr.tuner.study import Study
from keras_lr.tuner.waves import wave_size


def tune(
    build_model: Any,
    x: Any,
    y: Any = None,
    *,
    space: Mapping[str, Any],
    epochs: int,
    trials: int = 32,
    batch_size: int | None = None,
    validation_data: Any = None,
    validation_split: float = 0.0,
    sample_weight: Any = None,
    class_weight: Any = None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    engine: Literal["auto", "compiled", "fit", "ray"] | RayOptions = "auto",
    objective: str = "val_loss",
    direction: Literal["minimize", "maximize"] | None = None,
    seed: int = 0,
    sampler: Sampler | Any = None,
    pruner: Pruner | Any = None,
    method: Literal["search", "pbt"] | PBT = "search",
    population: int | None = None,
    interval: int | None = None,
    horizon: float = 1.0,
    storage: str | Path | Any = None,
    study_name: str | None = None,
    verbose: int = 1,
) -> Study:
    """Search learning rate, momentum, schedule and more, over many short trainings.

    Every trial starts from the same weights and sees the same batches in the same order: it is
    what `keras.utils.set_random_seed(seed)`, `build_model()` and `model.fit(...)` give, with a
    `LearningRate` callback for its schedule and rules.

    Args:
        build_model: A function that returns a compiled model, or a compiled model (left as it
            is; trials start from clones with its weights).
        x, y, sample_weight, class_weight, batch_size, validation_data, validation_split,
            steps_per_epoch, validation_steps, validation_batch_size: As `model.fit` takes them. A
            generator is read once and kept in memory for all trials; it needs `steps_per_epoch`
            (and `validation_steps`).
        space: What to search. A key that names a setting of the model's optimizer (such as
            `"learning_rate"`, `"momentum"`, `"weight_decay"`) is applied to it; `"schedule"` and
            `"rules"` go to `LearningRate`; any other is an argument of `build_model`. A value is
            a `LogUniform` or `Uniform`, a list to choose from, or anything else for a fixed value.
            Several rules at once are a tuple; a list of them is a choice.
        epochs: Epochs of each trial.
        trials: Trials in all; a resumed study runs only those that are missing.
        engine: `"compiled"` trains all trials through one JAX program, `"fit"` one after the
            other on any backend, `"auto"` the first where it can run. The curves are the same.
            `"ray"` (or a `keras_lr.engines.ray.RayOptions`) trains them on the cluster that
            `ray.init` connected to.
        objective: The logged value to optimise, at the last epoch.
        direction: `"minimize"` or `"maximize"`; by default what the objective's name says.
        seed: Of the weights, the batches, and the default sampler.
        sampler: "tpe", "random", or an Optuna sampler; by default "tpe".
        pruner: "hyperband", "halving" or "median", or an Optuna pruner, to end trials early that
            fall behind; by default none. A step is an epoch that is done, 1 after the first.
        method: "search" for independent trials; "pbt" (or a `keras_lr.PBT`) for a population, whose
            members copy the best on the way and perturb their rates: a `Population` comes back,
            with the best one's path of rates as its `schedule`.
        population: Members of a population, in the place of `trials`; 16 by default.
        interval: Epochs between two exchanges of a population; 1 by default.
        horizon: Run trials on this share of the epochs, with their schedules compressed to it.
            `Study.transferred` then has the best rate of the trials, and what theory makes of it
            for all epochs; `Study.code` writes the latter.
        storage: A file (SQLite), a URL, or an Optuna storage: the study is kept there, and goes
            on from there when it is called again.
        study_name: Its name in the storage; by default "keras-lr".
        verbose: 0 for silence, 1 for progress on stderr.

    Returns:
        A `Study`. After Ctrl-C it holds the trials that were finished.

    Raises:
        InvalidInput: Before anything is trained, for an uncompiled model, unusable data, names in
            the space that mean nothing, values that can't be, a storage with another study.
    """
    from keras_lr import backend
    from keras_lr.state.random_state import RandomState

    backend.require()
    started = time.perf_counter()
    job = Job(
        build_model,
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=validation_data,
        validation_split=validation_split,
        sample_weight=sample_weight,
        class_weight=class_weight,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        seed=seed,
    )
    check_parts(objective, study_name)
    as_sampler(sampler, 0)
    as_pruner(pruner, 2)
    pbt = check_method(
        method, population=population, interval=interval, trials=trials, pruner=pruner
    )
    taken = RandomState.take()
    try:
        search: _Search
        if pbt is None:
            search = _Search(
                job,
                space,
                trials=trials,
                objective=objective,
                direction=direction,
                horizon=horizon,
            )
        else:
            from keras_lr.tuner.population.search import PopulationSearch

            if shortened(100, horizon) != 100:
                raise InvalidInput(
                    "A population finds a path over all the epochs. Leave horizon out. "
                    f"Received: horizon={horizon!r}."
                )
            search = PopulationSearch(
                job,
                space,
                method=pbt,
                population=population,
                interval=interval,
                objective=objective,
                direction=direction,
            )
        with quietly(), search.opened:
            search.connect(engine, sampler=sampler, pruner=pruner, storage=storage, name=study_name)
            search.run(quiet=not verbose)
        return search.study(time.perf_counter() - started)
    finally:
        taken.restore()


class _Search:
    """One call of `tune`."""

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
        )
        self.opened.callback(close_engine, self.engine)
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
        self.beside = Beside(storage, name, self.sampling.ledger.identity)
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
                done = self.sampling.trials()
                progress.say(f"interrupted; {len(done)} of {self.count} trials are kept.")

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
            self.beside.write(*self.kept)
        progress.wave(len(done), None if self.best is None else self.best[0])

    def _wave(self, size: int, progress: Progress) -> None:
        asked = self.sampling.ask(size, self.count)
        ended: dict[int, TrialResult] = {}

        def done(index: int, result: TrialResult) -> bool:
            ended[index] = result
            value = self._value(result)
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
        return Study(
            trials=self.sampling.trials(),
            objective=self.objective,
            direction=self.direction,
            space=self.given,
            engine=self.engine.name,
            plan=self.engine.plan + ("" if self.reason is None else f", since {self.reason}"),
            seconds=seconds,
            interrupted=self.interrupted,
            optuna=self.sampling.study,
            _job=self.job,
            _space=self.space,
            _epochs=self.epochs,
            _kept=self.kept,
            _beside=self.beside,
            _engine=self.requested,
            _stored=self.sampling.stored,
        )
