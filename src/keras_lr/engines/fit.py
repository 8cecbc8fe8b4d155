"""The reference engine: one `model.fit` a trial, on any backend."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras_lr.engines.kept import keep
from keras_lr.engines.models import make_model
from keras_lr.engines.once import Once
from keras_lr.engines.trial import (
    Done,
    Exchange,
    Job,
    Report,
    TrialResult,
    TrialSpec,
    has_diverged,
    kept_of_divergence,
)
from keras_lr.engines.whole_settings import own_job
from keras_lr.errors import InvalidInput, TrainingDiverged


class FitEngine:
    """Trains trials one after another, each as a user would.

    A trial is `keras.utils.set_random_seed(seed)`, `build_model(**arguments)`, and
    `model.fit(..., callbacks=[LearningRate(schedule, rules)])`. It ends early when its loss stops
    being finite (unless a rule rolls back), or when `report` asks for it.

    Args:
        job: What the trials have in common.
    """

    name = "fit"
    wave = 16

    def __init__(self, job: Job) -> None:
        self.job = job

    @property
    def plan(self) -> str:
        """How the trials are executed."""
        return "one model.fit after another"

    def run(
        self,
        specs: Sequence[TrialSpec],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialResult]:
        """Train a wave of trials; see `Engine.run`."""
        if exchange is not None:
            from keras_lr.engines.fit_together import train_together

            return train_together(self.job, specs, report, done, exchange)
        return [self._train(index, spec, report, done) for index, spec in enumerate(specs)]

    def reseed(self, seed: int) -> None:
        """Train from here on with another seed."""
        self.job = replace(self.job, seed=seed)

    def close(self) -> None:
        """Nothing runs beside this process."""

    def _train(self, index: int, spec: TrialSpec, report: Report, done: Done) -> TrialResult:
        from keras_lr.callbacks import LearningRate

        started = time.perf_counter()
        result = TrialResult()
        model = None
        rate = LearningRate(spec.schedule, spec.rules)
        rate.expects_early_end = True  # a trial may be pruned
        refused: list[Exception] = []

        def told(index: int, epoch: int, logs: Mapping[str, float]) -> bool:
            try:
                return report(index, epoch, logs)
            except Exception as error:
                refused.append(error)  # a storage's, say: no fault of the trial
                raise

        watch = _watch(index, result, rate, told)
        try:
            model = make_model(self.job, spec)
            model.fit(**own_job(self.job, spec).fit_arguments(), verbose=0, callbacks=[rate, watch])
        except TrainingDiverged:
            result.diverged = True
        except InvalidInput:
            raise
        except Exception as error:
            if error in refused:
                raise
            result.error = error
        result.seconds = time.perf_counter() - started
        if done(index, result) and model is not None and result.error is None:
            result.weights = keep(model)
        return result


def train_left(job: Job, specs: Mapping[int, TrialSpec], once: Once) -> None:
    """Train here what another engine leaves of its wave.

    Args:
        job: What the trials have in common.
        specs: The trials by their places in the wave; where they may become copies of each other,
            the whole wave, in its order.
        once: What the wave's caller was told, and is told from here on.
    """
    places = list(specs)
    results = FitEngine(job).run(
        list(specs.values()),
        lambda index, epoch, logs: once(places[index], epoch, logs),
        lambda index, result: once.done(places[index], result),
        once.exchange,
    )
    for place, result in zip(places, results, strict=True):
        if result.weights is not None:
            once.keep(place, result.weights)


def _watch(index: int, result: TrialResult, rate: Any, report: Report) -> Any:
    import keras

    from keras_lr.callbacks.record import rule_labels

    class Watch(keras.callbacks.Callback):
        """Keeps the history, and ends a trial that diverged or was pruned."""

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            logs = {name: float(value) for name, value in (logs or {}).items()}
            rolled_back = any(
                event.epoch == epoch and event.cause in restoring for event in rate.record.events
            )
            result.diverged = has_diverged(logs) and not rolled_back
            kept = kept_of_divergence(logs) if result.diverged else logs
            for name, value in kept.items():
                result.history.setdefault(name, []).append(value)
            if not result.diverged and report(index, epoch, logs):
                result.pruned = True
            if result.diverged or result.pruned:
                self.model.stop_training = True

    labels = zip(rule_labels(rate.rules), rate.rules, strict=True)
    restoring = {label for label, rule in labels if rule.restores}
    return Watch()
