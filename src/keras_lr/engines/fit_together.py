"""The reference for trials that are copied to each other: one model a trial, an epoch at a time.

Every trial has a model of its own, and its `fit` is cut into epochs: before each, the random state,
the data and the schedule are where one uncut `fit` of the trial would have them by then.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_lr.engines.endings import endings
from keras_lr.engines.kept import keep
from keras_lr.engines.models import make_model
from keras_lr.engines.origin import Origin
from keras_lr.engines.recording import Recording
from keras_lr.engines.trial import (
    Become,
    Done,
    Exchange,
    Job,
    Report,
    TrialResult,
    TrialSpec,
    has_diverged,
    kept_of_divergence,
)
from keras_lr.errors import InvalidInput
from keras_lr.rate import leaves, rate_variable
from keras_lr.state.random_state import RandomState
from keras_lr.state.snapshot import Snapshot


def train_together(
    job: Job, specs: Sequence[TrialSpec], report: Report, done: Done, exchange: Exchange
) -> list[TrialResult]:
    """Train trials epoch by epoch, with an exchange between epochs; see `Engine.run`.

    Args:
        job: What the trials have in common.
        specs: Trials of one structure, without rules.
        report: See `Engine.run`.
        done: See `Engine.run`.
        exchange: See `Engine.run`.

    Raises:
        InvalidInput: The data goes on from epoch to epoch, and can't be begun in the middle.
    """
    if job.steps_per_epoch is not None and not isinstance(job.x, Recording):
        raise InvalidInput(
            "With steps_per_epoch an epoch goes on where the last one stopped, which engine='fit' "
            "can't do for trials that are copied to each other. Leave steps_per_epoch out, or give "
            "one that divides the batches of the data, which engine='compiled' can do. "
            f"Received: steps_per_epoch={job.steps_per_epoch}."
        )
    members = [_Member.start(job, spec) for spec in specs]
    for epoch in range(job.epochs):
        active = [index for index, member in enumerate(members) if not member.ended]
        last = epoch + 1 == job.epochs
        for index in active:
            members[index].train(epoch)
        running = {i: members[i].logs for i in active if not members[i].ended}
        for index in endings(report, epoch, running):
            members[index].result.pruned = members[index].ended = True
        if not last:
            standing = {i: members[i].logs for i in active if not members[i].result.pruned}
            for index, how in exchange(epoch, standing).items():
                members[index].become(members[how.source], how, epoch + 1)
        for index in active:
            member = members[index]
            member.ended = member.ended or last
            if member.ended and done(index, member.result):
                member.result.weights = keep(member.model)
    return [member.result for member in members]


@dataclass
class _Member:
    """One trial between two epochs."""

    job: Job
    spec: TrialSpec
    model: Any
    random: RandomState
    data: Origin
    bases: list[float]
    result: TrialResult = field(default_factory=TrialResult)
    ended: bool = False

    @classmethod
    def start(cls, job: Job, spec: TrialSpec) -> "_Member":
        model = make_model(job, spec)
        variables = [rate_variable(leaf) for leaf in leaves(model.optimizer)]
        bases = [float("nan") if v is None else float(v.numpy()) for v in variables]
        return cls(job, spec, model, RandomState.take(), _data(job), bases)

    @property
    def logs(self) -> Mapping[str, float]:
        """Those of its last epoch."""
        return {name: values[-1] for name, values in self.result.history.items()}

    def train(self, epoch: int) -> None:
        """The next epoch of its `fit`."""
        from keras_lr.callbacks import LearningRate

        started = time.perf_counter()
        self._place()
        rate = LearningRate(self.spec.schedule)
        rate.expects_early_end = True  # it is cut off after each epoch
        history = self.model.fit(
            **_arguments(self.job, epoch),
            initial_epoch=epoch,
            verbose=0,
            callbacks=[rate, _one_epoch(self._place if epoch else None)],
        ).history
        self.random, self.data = RandomState.take(), _data(self.job)
        logs = {name: float(values[-1]) for name, values in history.items()}
        if has_diverged(logs):
            self.result.diverged = self.ended = True
            logs = kept_of_divergence(logs)
        for name, value in logs.items():
            self.result.history.setdefault(name, []).append(value)
        self.result.seconds += time.perf_counter() - started

    def _place(self) -> None:
        """Put the random state, and that of the data, where this trial's own `fit` has them."""
        self.random.restore()
        self.data.restore()

    def become(self, source: "_Member", how: Become, epoch: int) -> None:
        """Go on as a copy of another trial."""
        taken = Snapshot.take(source.model, epoch)
        assert taken is not None, "a model that was trained has weights"
        Snapshot.from_state(self.model, taken.to_state()).restore(self.model)
        self.bases = source.bases
        for leaf, base in zip(leaves(self.model.optimizer), self.bases, strict=True):
            rate_variable(leaf).assign(base * how.factor)  # type: ignore[union-attr]
        self._set({name: source.setting(name) for name in self.spec.settings} | dict(how.settings))
        self.ended = self.result.diverged = False

    def setting(self, name: str) -> Any:
        """A setting as the optimizer has it now; `None` for the rate, which is its own affair."""
        found = [vars(leaf)[name] for leaf in leaves(self.model.optimizer) if name in vars(leaf)]
        return found[0] if found and name != "learning_rate" else None

    def _set(self, settings: Mapping[str, Any]) -> None:
        for leaf in leaves(self.model.optimizer):
            for name, value in settings.items():
                if value is not None and name in vars(leaf) and vars(leaf)[name] != value:
                    setattr(leaf, name, value)
                    # Keras holds it as a constant of the compiled step.
                    self.model.train_function = None


def _data(job: Job) -> Origin:
    """Where the data's own generators stand now."""
    return Origin.take(job.x, job.validation_data)


def _arguments(job: Job, epoch: int) -> dict[str, Any]:
    """What `fit` is called with for one epoch; what was recorded goes on where that epoch begins."""
    found = job.fit_arguments()
    if isinstance(job.x, Recording):
        first = epoch * (job.steps_per_epoch or 0)
        found["x"] = (batch for batch in job.x.batches[first:])  # Keras knows generators only
    return found


def _one_epoch(begins: Callable[[], None] | None) -> Any:
    import keras

    class OneEpoch(keras.callbacks.Callback):
        """Ends a fit after its first epoch; its length stays what the schedule is laid out over."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            # A fit's start tells the data that an epoch has ended, which may shuffle it.
            if begins is not None:
                begins()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    return OneEpoch()
