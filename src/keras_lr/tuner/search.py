"""Search the rate, and what goes with it: the function `keras_lr.tune`."""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from keras_lr.engines import Job, TrialResult, choose_engine
from keras_lr.engines.job_checks import check_job, whole
from keras_lr.errors import InvalidInput, nearest
from keras_lr.tuner.progress import Progress
from keras_lr.tuner.run_checks import (
    build_probe,
    check_first_batch,
    check_parts,
    check_schedules,
)
from keras_lr.tuner.sampling import WAVE, Sampling, quietly
from keras_lr.tuner.space import check_names, read_space
from keras_lr.tuner.study import Study


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
    engine: Literal["auto", "compiled", "fit"] = "auto",
    objective: str = "val_loss",
    direction: Literal["minimize", "maximize"] | None = None,
    seed: int = 0,
    sampler: Any = None,
    pruner: Any = None,
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
        x, y, sample_weight, class_weight, batch_size, validation_data, validation_split: As
            `model.fit` takes them.
        space: What to search. A key that names a setting of the model's optimizer (such as
            `"learning_rate"`, `"momentum"`, `"weight_decay"`) is applied to it; `"schedule"` and
            `"rules"` go to `LearningRate`; any other is an argument of `build_model`. A value is
            a `LogUniform` or `Uniform`, a list to choose from, or anything else for a fixed value.
            Several rules at once are a tuple; a list of them is a choice.
        epochs: Epochs of each trial.
        trials: Trials in all; a resumed study runs only those that are missing.
        engine: `"compiled"` trains all trials through one JAX program, `"fit"` one after the
            other on any backend, `"auto"` the first where it can run. The curves are the same.
        objective: The logged value to optimise, at the last epoch.
        direction: `"minimize"` or `"maximize"`; by default what the objective's name says.
        seed: Of the weights, the batches, and the default sampler.
        sampler: An Optuna sampler; by default TPE.
        pruner: An Optuna pruner; by default none, since all trials of a wave run side by side.
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
        seed=seed,
    )
    check_parts(objective, sampler, pruner, study_name)
    taken = RandomState.take()
    try:
        search = _Search(job, space, trials=trials, objective=objective, direction=direction)
        with quietly():
            search.connect(engine, sampler=sampler, pruner=pruner, storage=storage, name=study_name)
            try:
                search.run(quiet=not verbose)
            finally:
                search.sampling.close()
        return search.study(time.perf_counter() - started)
    finally:
        taken.restore()


class _Search:
    """One call of `tune`."""

    def __init__(
        self, job: Job, space: Any, *, trials: int, objective: str, direction: str | None
    ) -> None:
        self.count = whole(trials, "trials")
        job = check_job(job)
        check_names(space, job.build_model, None)
        self.job = job
        self.given = dict(space)
        self.objective = objective
        self.probe = build_probe(job, space)
        self.space = read_space(space, job.build_model, self.probe.optimizer)
        check_schedules(job, self.space, self.probe.optimizer)
        check_first_batch(job, self.probe)
        _check_objective(job, self.probe, objective)
        self.direction: Literal["minimize", "maximize"] = _direction(objective, direction)
        self.kept: tuple[int, list[Any]] | None = None
        self.best: tuple[float, int] | None = None
        self.interrupted = False

    def connect(
        self, engine: str, *, sampler: Any, pruner: Any, storage: Any, name: str | None
    ) -> None:
        """Choose the engine, and open or resume the study."""
        self.engine, self.reason = choose_engine(
            engine,
            self.job,
            self.probe,
            schedules=any(schedule is not None for schedule in self.space.schedules()),
            own="learning_rate" not in self.space.settings,
        )
        about = {
            "space": self.space.described(),
            "objective": self.objective,
            "epochs": self.job.epochs,
            "seed": self.job.seed,
            "batch_size": self.job.batch_size,
        }
        self.sampling = Sampling(
            self.space,
            self.direction,
            about,
            seed=self.job.seed,
            sampler=sampler,
            pruner=pruner,
            storage=storage,
            name=name,
        )

    def run(self, *, quiet: bool) -> None:
        """Run the missing trials, wave by wave."""
        done = self.sampling.trials()
        missing = max(0, self.count - len(done))
        for trial in done:
            self._note(trial.value, trial.number)
        total = missing * self.job.epochs
        with Progress(total, self.count, len(done), self.objective, quiet=quiet) as progress:
            if self.reason is not None:
                progress.say(f"engine='fit', since {self.reason}.")
            if done:
                progress.say(f"resuming: {len(done)} of {self.count} trials are in the storage.")
            while missing > 0:
                size = min(missing, WAVE - len(done) % WAVE)
                try:
                    self._wave(size, progress)
                except KeyboardInterrupt:
                    self.interrupted = True
                done = self.sampling.trials()
                missing = self.count - len(done)
                progress.wave(len(done), None if self.best is None else self.best[0])
                if self.interrupted:
                    progress.say(f"interrupted; {len(done)} of {self.count} trials are kept.")
                    break

    def _wave(self, size: int, progress: Progress) -> None:
        asked = self.sampling.ask(size)
        ended: dict[int, TrialResult] = {}
        last = self.job.epochs - 1

        def report(index: int, epoch: int, logs: Mapping[str, float]) -> bool:
            progress.epoch()
            if self.objective not in logs:
                raise InvalidInput(
                    f"The trials log no {self.objective!r}. {nearest(self.objective, logs)}"
                )
            value = logs[self.objective]
            if math.isfinite(value):
                asked[index].report(value, epoch)
            return epoch < last and asked[index].should_prune()

        def done(index: int, result: TrialResult) -> bool:
            ended[index] = result
            value = self._value(result)
            self.sampling.keep(asked[index], result, value)
            return self._note(value, asked[index].number)

        try:
            specs = [self.space.spec(self.space.params(trial.params)) for trial in asked]
            self.engine.run(specs, report, done)
        finally:
            self._tell(asked, ended)
        self._refuse_all_failed(ended)

    def _tell(self, asked: list[Any], ended: Mapping[int, TrialResult]) -> None:
        for index, trial in enumerate(asked):
            result = ended.get(index)
            if result is None:
                self.sampling.abandon(trial)
                continue
            self.sampling.tell(trial)
            if result.weights is not None and self.best and trial.number == self.best[1]:
                self.kept = trial.number, result.weights
            result.weights = None

    def _refuse_all_failed(self, ended: Mapping[int, TrialResult]) -> None:
        # One set of arguments may be impossible; if all are, it is a mistake that has to be seen.
        errors = [result.error for result in ended.values()]
        if errors and all(error is not None for error in errors):
            raise errors[0]  # type: ignore[misc]

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
            _kept=self.kept,
            _stored=self.sampling.stored,
        )


def _direction(objective: str, direction: str | None) -> Literal["minimize", "maximize"]:
    from keras_lr.rules.improvement import infer_mode

    if direction is None:
        try:
            return "minimize" if infer_mode(objective) == "min" else "maximize"
        except InvalidInput:
            raise InvalidInput(
                f"The name {objective!r} doesn't tell whether less or more is better. "
                'Write direction="minimize" or direction="maximize".'
            ) from None
    if direction not in ("minimize", "maximize"):
        known = ("minimize", "maximize")
        raise InvalidInput(f"Unknown direction {direction!r}. {nearest(str(direction), known)}")
    return direction  # type: ignore[return-value]


def _check_objective(job: Job, probe: Any, objective: str) -> None:
    """Refuse an objective that no trial will log, as far as that can be known now."""
    validates = job.validation_data is not None or job.validation_split > 0
    if objective.startswith("val_") and not validates:
        raise InvalidInput(
            f"objective={objective!r} needs validation data, so that trials are judged by what they "
            "weren't trained on. Pass validation_data=(x_val, y_val) or validation_split=0.2 (or, "
            f"knowingly, objective={objective.removeprefix('val_')!r})."
        )
    name = objective.removeprefix("val_")
    if name == "loss" or not hasattr(job.x, "shape") or not hasattr(job.y, "shape"):
        return
    import keras

    if type(probe).train_step is not keras.Model.train_step:
        return
    known = probe.evaluate(job.x[:1], job.y[:1], verbose=0, return_dict=True)
    if name not in known:
        names = [*known, *(f"val_{metric}" for metric in known)] if validates else known
        raise InvalidInput(f"The model has no metric {name!r}. {nearest(objective, names)}")
