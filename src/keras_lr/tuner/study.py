"""What tuning gives back: every trial, the best one, and the model that it trained."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from keras_lr.engines.job_checks import whole
from keras_lr.engines.kept import restore
from keras_lr.engines.models import make_model
from keras_lr.engines.recording import Recording
from keras_lr.engines.trial import Job, TrialResult, TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.lazy import call
from keras_lr.tuner.best_file import BestFile
from keras_lr.tuner.code import spec_code
from keras_lr.tuner.confirm import Confirmation, pick_seeds, train_again
from keras_lr.tuner.confirmed import (
    confirmation,
    last_confirmation,
    store_last,
    store_values,
    stored_values,
)
from keras_lr.tuner.curves import with_curves
from keras_lr.tuner.horizon import Transferred, transferred
from keras_lr.tuner.importance import importance
from keras_lr.tuner.progress import Progress
from keras_lr.tuner.quiet import quietly
from keras_lr.tuner.space import Space
from keras_lr.tuner.trial import Trial, ranked_trials


@dataclass(repr=False)
class Study:
    """The outcome of `keras_lr.tune`.

    Args:
        trials: Every trial, by number; interrupted ones aren't among them.
        objective: The logged value that was optimised, at the last epoch.
        direction: Whether less or more is better.
        space: The space as it was given.
        engine: `"compiled"`, `"fit"` or `"ray"`.
        plan: How the trials were executed, in one line.
        seconds: Wall-clock time of this call.
        interrupted: Whether Ctrl-C ended it early.
        confirmation: What `confirm` found, once it was called.
        optuna: The Optuna study, for everything that Optuna offers (importances, its figures,
            its dashboard).
    """

    trials: list[Trial]
    objective: str
    direction: Literal["minimize", "maximize"]
    space: dict[str, Any]
    engine: str
    plan: str
    seconds: float
    interrupted: bool = False
    confirmation: Confirmation | None = None
    optuna: Any = field(default=None, repr=False)
    _job: Job = field(default=None, repr=False)  # type: ignore[assignment]
    _space: Space = field(default=None, repr=False)  # type: ignore[assignment]
    _epochs: int = field(default=0, repr=False)
    _kept: tuple[int, list[Any]] | None = field(default=None, repr=False)
    _best_file: BestFile | None = field(default=None, repr=False)
    _engine: Any = field(default="auto", repr=False)
    _stored: frozenset[int] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        if self.optuna is not None and self.confirmation is None:
            told = {"objective": self.objective, "direction": self.direction}
            self.confirmation = last_confirmation(self.optuna, self.trials, **told)

    def __repr__(self) -> str:
        """How many trials there were, and what they say to use, in one line."""
        told = ("study_counts", "study_answer")
        return " ".join(call(f"keras_lr.watch.answers:{name}", self) for name in told)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return call("keras_lr.watch.notebook:as_html", self)

    @property
    def best(self) -> Trial:
        """The best of the complete trials; of equal ones the first.

        Raises:
            InvalidInput: No trial was completed.
        """
        complete = ranked_trials(self.trials, self.direction)
        if not complete:
            states = [trial.state for trial in self.trials]
            told = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states)) or "none ran"
            raise InvalidInput(
                f"No trial was completed ({told}), so there is no best one. Where all diverged, "
                "search lower rates; keras_lr.find(model, x, y) shows which are sound."
            )
        return complete[0]

    def best_model(self, trial: Trial | None = None) -> Any:
        """The best trial's model, as it was at its last epoch: plain Keras, compiled, trained.

        Its optimizer has the trial's settings and the state that the training left in it (momenta,
        iterations), so `fit` goes on from there. It is what was trained in this call of `tune`, or
        what a storage in a file has beside it; where neither has it, the trial is trained again, by
        `fit`, and a line says so.

        Args:
            trial: Another of the study's trials, e.g. `study.confirmed`.

        Raises:
            InvalidInput: No trial was completed; something that is no trial of this study.
        """
        from keras_lr.state.random_state import RandomState

        self._check_own(trial)
        best = trial is None or trial.number == self.best.number
        trial = self.best if trial is None else trial
        taken = RandomState.take()
        try:
            spec = self._best_spec() if best else self._spec_of(trial)
            kept = self._kept_of(trial.number)
            if kept is not None:
                return self._restored(spec, kept)
            stored = trial.number in self._stored
            why = "comes from the storage" if stored else "ended before its weights were kept"
            why = why if best else "isn't the best, whose weights were kept"
            print(f"keras-lr: trial {trial.number} {why}; training it again.")
            return self._train_again(spec)
        finally:
            taken.restore()

    def _check_own(self, trial: Any) -> None:
        """Refuse what is neither `None` nor a trial of this study."""
        own = ((one.number, one.params) for one in self.trials)
        if trial is None or (isinstance(trial, Trial) and (trial.number, trial.params) in own):
            return
        raise InvalidInput(
            "trial is one of this study's: pass study.confirmed, say, or one of study.trials, e.g. "
            f"study.trials[0]. Received: {trial!r}."
        )

    def _kept_of(self, number: int) -> Any:
        if self._kept is not None and self._kept[0] == number:
            return self._kept[1]
        return None if self._best_file is None else self._best_file.read(number)

    def _spec_of(self, trial: Trial) -> TrialSpec:
        """What trains a trial again."""
        return self._space.spec(trial.params)

    def _best_spec(self) -> TrialSpec:
        """The best trial, as its model's optimizer has it."""
        return self._space.spec(self.best.params)

    def _train_again(self, spec: Any) -> Any:
        from keras_lr.engines.fit import FitEngine

        results: list[TrialResult] = FitEngine(self._job).run(
            [spec], lambda *_: False, lambda *_: True
        )
        if results[0].error is not None:
            raise results[0].error
        return self._restored(spec, results[0].weights or [])

    def _restored(self, spec: TrialSpec, kept: list[Any]) -> Any:
        """A trial's model with what was kept of it."""
        model = make_model(self._job, spec)
        if not model.built:
            _build(model, self._job)
        return restore(model, kept)

    def confirm(
        self, top: int = 3, seeds: int | Sequence[int] = 5, *, verbose: int = 1
    ) -> Confirmation:
        """Train the best few trials again with other seeds, so that the best isn't the luckiest.

        The seeds vary the initial weights (where `build_model` is a function), the batches and
        whatever else is random; the trials meet the same seeds. What was trained before isn't
        trained again, also after a resume. `study.best` stays what it is; `study.confirmed` is the
        trial with the best mean.

        Args:
            top: How many of the best trials, at least 1.
            seeds: How many seeds (those that follow the study's own), or a list of them.
            verbose: 0 for silence, 1 for progress on stderr.

        Returns:
            A `Confirmation`; also kept as `study.confirmation`, and in the storage.

        Raises:
            InvalidInput: No trial was completed; numbers or seeds that can't be.
        """
        from keras_lr.state.random_state import RandomState

        _ = self.best  # its error says what became of the trials
        picked = ranked_trials(self.trials, self.direction)[: whole(top, "top")]
        chosen = pick_seeds(seeds, self._job.seed)
        known = stored_values(self.optuna)
        specs = {trial.number: self._spec_of(trial) for trial in picked}
        have = sum((n, s) in known for n in specs for s in chosen)
        count = len(specs) * len(chosen)
        total = (count - have) * self._job.epochs
        told = {"quiet": not verbose, "unit": "trainings with other seeds"}
        taken = RandomState.take()
        try:
            with quietly(), Progress(total, count, have, self.objective, **told) as progress:
                complete = train_again(
                    specs,
                    self._job,
                    chosen,
                    self.objective,
                    engine=self._engine_for,
                    known=known,
                    note=lambda: store_values(self.optuna, known),
                    progress=progress,
                )
        finally:
            taken.restore()
        if not complete:
            store_values(self.optuna, known)  # Ctrl-C may have come while they were written
            # Of seeds that only some trials have seen nothing can be said.
            chosen = tuple(s for s in chosen if all((n, s) in known for n in specs))
        if not chosen:
            raise KeyboardInterrupt
        store_last(self.optuna, list(specs), chosen)
        told = {"objective": self.objective, "direction": self.direction}
        self.confirmation = confirmation(picked, chosen, known, interrupted=not complete, **told)
        return self.confirmation

    def _engine_for(self, job: Job) -> Any:
        from keras_lr.engines import choose_engine

        best = self._best_spec()
        probe = make_model(job, best)
        own = "learning_rate" not in self._space.settings
        given = any(schedule is not None for schedule in self._space.schedules())
        # What a study trained by fit is confirmed by fit: engines of two backends draw other batches.
        name = "fit" if self.engine == "fit" else self._engine
        # However short: it has to be the engine that trained the study.
        return choose_engine(name, job, probe, schedules=given, own=own, arguments=best.arguments)[
            0
        ]

    @property
    def confirmed(self) -> Trial | None:
        """The trial that `confirm` chose: the best mean over its seeds.

        `None` before it was called, and where all of the best diverged with some seed.
        """
        choice = None if self.confirmation is None else self.confirmation.choice
        if choice is None:
            return None
        return next(trial for trial in self.trials if trial.number == choice.number)

    @property
    def transferred(self) -> Transferred | None:
        """The best rate of shortened trials, and what it becomes for the whole training.

        `None` where trials ran all epochs (`tune` without `horizon=`).
        """
        if self._epochs in (0, self._job.epochs):
            return None
        spec = self._space.spec(self.best.params, whole=True)
        return transferred(self._job, spec, self._model(spec).optimizer, epochs=self._epochs)

    def _model(self, spec: TrialSpec) -> Any:
        """The model of a trial, as it starts."""
        from keras_lr.state.random_state import RandomState

        taken = RandomState.take()
        try:
            return make_model(self._job, spec)
        finally:
            taken.restore()

    def code(self, trial: Trial | None = None) -> str:
        """Copyable lines that compile and train as the best trial did, and give its curve.

        After trials on a shortened horizon, for the whole training, with the transferred rate.

        Args:
            trial: Another of the study's trials, e.g. `study.confirmed`.

        Raises:
            InvalidInput: No trial was completed; something that is no trial of this study.
        """
        self._check_own(trial)
        best = self.best if trial is None else trial
        spec = self._space.spec(best.params, whole=True)
        changed = self.transferred if best.number == self.best.number else None
        own = self._space.spec(best.params)
        if changed is not None and changed.learning_rate is not None:
            rate = {"learning_rate": changed.learning_rate}
            own = replace(own, settings={**own.settings, **rate})
            spec = replace(spec, settings={**spec.settings, **rate})
        return spec_code(spec, self._model(own), self._job, epochs=self._epochs or None)

    def importance(self, evaluator: Any = None) -> dict[str, float]:
        """How much each part of the space mattered to the objective, the most important first.

        Of the complete trials only: that a rate diverged isn't counted.

        Args:
            evaluator: One of Optuna's, e.g. `optuna.importance.FanovaImportanceEvaluator()` (which
                needs scikit-learn); by default Optuna's own choice.

        Returns:
            Name to share; the shares add up to 1.

        Raises:
            InvalidInput: Fewer than four complete trials, or nothing was searched.
        """
        return importance(self.optuna, self._space, evaluator)

    def plot(self, kind: str = "rate") -> Any:
        """A plotly figure of the study.

        Args:
            kind: `"rate"`, the objective against the learning rate, diverged trials crossed and
                pruned ones hollow, with a warning where the best lies at the edge of the range.
                Or one of Optuna's: `"history"`, `"importance"`, `"parallel"`, `"contour"`,
                `"slice"`, `"rank"`, `"edf"`, `"timeline"`, `"intermediate"`.

        Raises:
            InvalidInput: An unknown kind.
        """
        if kind == "rate":
            return call("keras_lr.watch.figures:study_figure", self)
        with quietly():
            whole = self
            if kind == "intermediate":
                curves = with_curves(self.optuna, self.trials, self.objective)
                whole = replace(self, optuna=curves)
            return call("keras_lr.watch.figures:optuna_figure", whole, kind)


def _build(model: Any, job: Job) -> None:
    """Create the variables of a model that waits for its first batch."""
    from keras import tree

    if isinstance(job.x, Recording):
        model(job.x.batches[0][0])
        return
    if hasattr(job.x, "shape") or isinstance(job.x, dict | list | tuple):
        model(tree.map_structure(lambda array: array[:1], job.x))
        return
    batch = next(iter(job.x)) if not hasattr(job.x, "__getitem__") else job.x[0]
    model(batch[0] if isinstance(batch, list | tuple) else batch)
