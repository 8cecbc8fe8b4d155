"""What tuning gives back: every trial, the best one, and the model that it trained."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from keras_lr.engines.models import make_model
from keras_lr.engines.trial import Job, TrialResult, TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.lazy import call
from keras_lr.tuner.code import best_code
from keras_lr.tuner.horizon import Transferred, transferred
from keras_lr.tuner.space import Space
from keras_lr.tuner.trial import Trial


@dataclass
class Study:
    """The outcome of `keras_lr.tune`.

    Args:
        trials: Every trial, by number; interrupted ones aren't among them.
        objective: The logged value that was optimised, at the last epoch.
        direction: Whether less or more is better.
        space: The space as it was given.
        engine: `"compiled"` or `"fit"`.
        plan: How the trials were executed, in one line.
        seconds: Wall-clock time of this call.
        interrupted: Whether Ctrl-C ended it early.
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
    optuna: Any = field(default=None, repr=False)
    _job: Job = field(default=None, repr=False)  # type: ignore[assignment]
    _space: Space = field(default=None, repr=False)  # type: ignore[assignment]
    _epochs: int = field(default=0, repr=False)
    _kept: tuple[int, list[Any]] | None = field(default=None, repr=False)
    _stored: frozenset[int] = field(default=frozenset(), repr=False)

    @property
    def best(self) -> Trial:
        """The best of the complete trials; of equal ones the first.

        Raises:
            InvalidInput: No trial was completed.
        """
        complete = [t for t in self.trials if t.state == "complete" and t.value is not None]
        if not complete:
            states = [trial.state for trial in self.trials]
            told = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states)) or "none ran"
            raise InvalidInput(
                f"No trial was completed ({told}), so there is no best one. Where all diverged, "
                "search lower rates; keras_lr.find(model, x, y) shows which are sound."
            )
        sign = 1 if self.direction == "minimize" else -1
        return min(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))

    def best_model(self) -> Any:
        """The best trial's model, as it was at its last epoch: plain Keras, compiled, trained.

        Its optimizer has the trial's settings and no state (no momentum of the run). The weights
        are those of the run where it was trained by this call of `tune`; for a trial that came
        out of a storage it is trained again, by `fit`, and a line says so.
        """
        from keras_lr.state.random_state import RandomState

        taken = RandomState.take()
        try:
            best = self.best
            spec = self._best_spec()
            if self._kept is not None and self._kept[0] == best.number:
                model = make_model(self._job, spec)
                if not model.built:
                    _build(model, self._job)
                return _trained(model, self._kept[1])
            stored = best.number in self._stored
            why = "comes from the storage" if stored else "ended before its weights were kept"
            print(f"keras-lr: trial {best.number} {why}; training it again.")
            return self._train_again(spec)
        finally:
            taken.restore()

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
        model = make_model(self._job, spec)
        if not model.built:
            _build(model, self._job)
        return _trained(model, results[0].weights)

    @property
    def transferred(self) -> Transferred | None:
        """The best rate of shortened trials, and what it becomes for the whole training.

        `None` where trials ran all epochs (`tune` without `horizon=`).
        """
        if self._epochs in (0, self._job.epochs):
            return None
        spec = self._space.spec(self.best.params, whole=True)
        return transferred(self._job, spec, self._optimizer(spec), epochs=self._epochs)

    def _optimizer(self, spec: TrialSpec) -> Any:
        """The optimizer of a trial, as it starts."""
        from keras_lr.state.random_state import RandomState

        taken = RandomState.take()
        try:
            return make_model(self._job, spec).optimizer
        finally:
            taken.restore()

    def code(self) -> str:
        """Copyable lines that compile and train as the best trial did.

        After trials on a shortened horizon, for the whole training, with the transferred rate.
        """
        import keras

        best, space = self.best, self._space
        spec = space.spec(best.params)
        changed = self.transferred
        if changed is not None and changed.learning_rate is not None:
            rate = {"learning_rate": changed.learning_rate}
            spec = replace(spec, settings={**spec.settings, **rate})
        return best_code(
            best.params,
            space,
            self._optimizer(spec),
            epochs=self._epochs or self._job.epochs,
            batch_size=self._job.batch_size,
            builds=not isinstance(self._job.build_model, keras.Model),
        )

    def importances(self) -> dict[str, float]:
        """How much each part of the space mattered, by Optuna (needs at least two trials)."""
        import optuna

        return optuna.importance.get_param_importances(self.optuna)

    def plot(self) -> Any:
        """A plotly figure: the objective against the learning rate."""
        return call("keras_lr.watch.figures:study_figure", self)


def _build(model: Any, job: Job) -> None:
    """Create the variables of a model that waits for its first batch."""
    from keras import tree

    if hasattr(job.x, "shape") or isinstance(job.x, dict | list | tuple):
        model(tree.map_structure(lambda array: array[:1], job.x))
        return
    batch = next(iter(job.x)) if not hasattr(job.x, "__getitem__") else job.x[0]
    model(batch[0] if isinstance(batch, list | tuple) else batch)


def _trained(model: Any, weights: Any) -> Any:
    """The model with its weights; its optimizer built, or loading it would warn of state missing."""
    model.set_weights(weights)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return model
