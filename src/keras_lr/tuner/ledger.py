"""What is written down of a study: who trains which trial, what became of it, who takes over.

Nothing here is held in memory only. What became of a trial is written as soon as it ends, and a
trial has one number for good: what a dead process was training goes back into the study's queue,
and whoever asks next trains the same parameters under the same number. Several processes may do
all of this at once. Should two ever train the same trial (one was stopped for minutes, say, and
was taken to be dead), the trial's mark says whose outcome counts, and the other's is dropped.
"""

import contextlib
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from keras_lr.engines.trial import TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.tuner.owner import SILENCE, Owner
from keras_lr.tuner.space import Space
from keras_lr.tuner.trial import Trial

MAY_LACK = frozenset(
    {
        "optimizer",
        "samples",
        "shapes",
        "validation_split",
        "steps_per_epoch",
        "sample_weight",
        "class_weight",
    }
)
"""What older studies haven't written down, and what isn't known of all data: then it is equal."""

_LABELS = {
    "epochs": "number of epochs",
    "horizon": "number of epochs behind its horizon",
    "samples": "number of samples",
    "shapes": "shape of the data",
    "sample_weight": "choice of giving sample_weight",
    "class_weight": "choice of giving class_weight",
}
_MISSING = {"method": "search"}

_ABOUT = "keras_lr"
_IDENTITY = "keras_lr:identity"
_OUTCOME = "outcome"
_OWNER = "owner"
_SURPLUS = "surplus"


class Ledger:
    """A study's records in an Optuna storage.

    Args:
        study: The Optuna study.
        space: The space of its trials.
    """

    def __init__(self, study: Any, space: Space) -> None:
        self.study = study
        self.space = space
        self.owner = Owner(study)
        self._outcomes: dict[int, dict[str, Any]] = {}

    def recognise(self, direction: str, about: Mapping[str, Any]) -> None:
        """Refuse to go on with a study that was made otherwise.

        Args:
            direction: `"minimize"` or `"maximize"`.
            about: What has to agree; the first call writes it down.

        Raises:
            InvalidInput: It doesn't agree.
        """
        about = dict(about)
        # The trials are read first: whoever made them had written down before what they are.
        trials = self.study.get_trials(deepcopy=False)
        if self.study.user_attrs.get(_ABOUT) is None:
            self._refuse_foreign(trials)
        found = self.study.directions[0].name.lower()
        if found != direction:
            raise InvalidInput(
                f"The stored study {self.study.study_name!r} is to {found}, this one is to "
                f"{direction}. Choose another study_name."
            )
        if self.study.user_attrs.get(_ABOUT) is None:
            self.study.set_user_attr(_ABOUT, about)
            self.study.set_user_attr(_IDENTITY, uuid.uuid4().hex)
        stored = self.study.user_attrs[_ABOUT]
        # The method decides what else there is, so it is compared first.
        for name in sorted({*stored, *about}, key=lambda name: (name != "method", name)):
            if name in MAY_LACK and not (name in stored and name in about):
                continue
            if stored.get(name) != about.get(name):
                missing = _MISSING.get(name)
                raise InvalidInput(
                    f"The stored study {self.study.study_name!r} was made with another "
                    f"{_LABELS.get(name, name)}, so its trials can't be continued. Choose another "
                    f"study_name, or give what it was made with: {stored.get(name, missing)!r}. "
                    f"Received: {about.get(name, missing)!r}."
                )

    def _refuse_foreign(self, trials: list[Any]) -> None:
        """Refuse a study that isn't empty, or has several objectives; what waits may be enqueued."""
        from optuna.trial import TrialState

        begun = sum(frozen.state is not TrialState.WAITING for frozen in trials)
        several = len(self.study.directions) > 1
        if begun or several:
            has = f"{len(self.study.directions)} objectives" if several else f"{begun} trials"
            raise InvalidInput(
                f"The stored study {self.study.study_name!r} was made by something else (it has "
                f"{has}, and no note of tune()'s); it was left as it is. Choose another "
                'study_name, e.g. study_name="rates".'
            )

    def identity(self) -> str:
        """What tells this study from another of the same name; for files beside the storage."""
        return str(self.study.user_attrs.get(_IDENTITY, ""))

    def open(self) -> None:
        """Begin to work on the study: be seen, and take over what the dead have left."""
        self.owner.join()
        try:
            self.take_over()
        except BaseException:
            self.owner.leave()
            raise

    def close(self) -> None:
        """End the work on it."""
        self.owner.leave()

    # -- whose trial is whose -------------------------------------------------------------------

    def take_over(self) -> None:
        """End the trials that dead processes had finished, and queue those they were training."""
        others = self.owner.others()
        for frozen in self._running():
            if self._in_work(frozen, others):
                continue
            if _OUTCOME in frozen.user_attrs:
                self._end(frozen.number, frozen.user_attrs[_OUTCOME])
            elif self._mark(frozen._trial_id) == frozen.user_attrs.get(_OWNER):
                # Nobody else has queued it since the list was read.
                self._queue(frozen._trial_id)

    def ask(self, count: int, distributions: Mapping[str, Any]) -> list[Any]:
        """Optuna trials to train here: first those that wait in the queue, then new ones.

        Args:
            count: How many.
            distributions: Optuna's, by name.
        """
        import optuna

        asked = []
        waiting = self._waiting()
        for _ in range(count):
            trial_id = next(waiting, None)
            if trial_id is None:
                trial = self.study.ask(dict(distributions))
            else:
                trial = optuna.trial.Trial(self.study, trial_id)
            trial.set_user_attr(_OWNER, self.owner.mark)
            for name, distribution in distributions.items():
                if name not in trial.params:  # of one that was killed while it drew them
                    suggest(trial, name, distribution)
            asked.append(trial)
        return asked

    def _waiting(self) -> Iterator[int]:
        from optuna.trial import TrialState

        # Not by `states=`: Optuna's storage in memory then looks behind the newest only, and an
        # interrupted trial is an old one.
        for frozen in self.study.get_trials(deepcopy=False):
            if frozen.state is TrialState.WAITING and self.study._storage.set_trial_state_values(
                frozen._trial_id, state=TrialState.RUNNING
            ):
                yield frozen._trial_id

    def elsewhere(self) -> dict[int, dict[str, Any]]:
        """The trials that live processes are training, by number, with who trains them."""
        others = self.owner.others()
        return {
            frozen.number: others.get(self._id(frozen) or "", {})
            for frozen in self._running()
            if self._id(frozen) != self.owner.id and self._in_work(frozen, others)
        }

    def give_up_surplus(self, trials: list[Any], limit: int) -> list[Any]:
        """Of trials just asked for, those that the study has room for; the others are ended.

        Two processes that ask at the same moment may ask for too many together. The numbers, which
        the storage gives out one by one, say which trials are the study's.

        Args:
            trials: Optuna trials.
            limit: Trials of the study.
        """
        counted = [f.number for f in self.study.get_trials(deepcopy=False) if _counts(f)]
        allowed = set(counted[:limit])
        kept = []
        for trial in trials:
            if trial.number in allowed:
                kept.append(trial)
                continue
            from optuna.trial import TrialState

            trial.set_user_attr(_SURPLUS, True)
            self.study.tell(trial, state=TrialState.FAIL)
        return kept

    def _running(self) -> list[Any]:
        from optuna.trial import TrialState

        return self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))

    def _id(self, frozen: Any) -> str | None:
        return (frozen.user_attrs.get(_OWNER) or {}).get("id")

    def _in_work(self, frozen: Any, others: Mapping[str, Any]) -> bool:
        owner = self._id(frozen)
        if owner is not None:
            return owner == self.owner.id or owner in others
        # It was asked for and isn't marked yet: by somebody who is there, unless it is long ago.
        age = datetime.now() - (frozen.datetime_start or datetime.now())
        return bool(others) and age.total_seconds() < SILENCE

    def _mark(self, trial_id: int) -> Any:
        return self.study._storage.get_trial(trial_id).user_attrs.get(_OWNER)

    def _queue(self, trial_id: int) -> None:
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        queued = {"queued_by": self.owner.id, "at": time.time()}
        # Whoever seemed to be dead may have ended it this moment.
        with contextlib.suppress(UpdateFinishedTrialError):
            self.study._storage.set_trial_user_attr(trial_id, _OWNER, queued)
            self.study._storage.set_trial_state_values(trial_id, state=TrialState.WAITING)

    # -- what became of it ----------------------------------------------------------------------

    def keep(self, trial: Any, result: TrialResult, value: float | None) -> bool:
        """Write down what became of a trial, all at once; `tell` comes when its wave is over.

        Returns:
            Whether it counts: not if another process has taken the trial over in the meantime.
        """
        error = result.error
        outcome = {
            "state": _state(result, value),
            "value": value,
            "history": result.history,
            "seconds": result.seconds,
            "error": None if error is None else f"{type(error).__name__}: {error}",
        }
        if not self.note(trial, _OUTCOME, outcome):
            return False
        self._outcomes[trial.number] = outcome
        return True

    def mine(self, trial: Any) -> bool:
        """Whether a trial is (still) this process's: not if another one has taken it over."""
        return (self._mark(trial._trial_id) or {}).get("id") == self.owner.id

    def note(self, trial: Any, name: str, value: Any) -> bool:
        """Write an attribute of a trial, if it is (still) this process's.

        Returns:
            Whether it is: not if another process has taken the trial over in the meantime.
        """
        import optuna

        if not self.mine(trial):
            return False
        try:
            trial.set_user_attr(name, value)
        except optuna.exceptions.UpdateFinishedTrialError:
            return False
        return True

    def tell(self, trial: Any) -> None:
        """Tell the sampler what was kept of a trial, which ends it."""
        outcome = self._outcomes.pop(trial.number, None)
        if outcome is not None:
            self._end(trial.number, outcome)

    def abandon(self, trial: Any) -> None:
        """Put back into the queue what was interrupted; the next call trains it."""
        if self.mine(trial):
            self._queue(trial._trial_id)

    def trials(self) -> list[Trial]:
        """The trials that came to an end, by number."""
        found = []
        for frozen in self.study.get_trials(deepcopy=False):
            outcome = frozen.user_attrs.get(_OUTCOME)
            if outcome is None or not frozen.state.is_finished():
                continue
            found.append(
                Trial(
                    number=frozen.number,
                    params=self.space.params(frozen.params),
                    value=outcome["value"] if outcome["state"] == "complete" else None,
                    state=outcome["state"],
                    history=outcome["history"],
                    seconds=outcome["seconds"],
                    error=outcome["error"],
                )
            )
        return found

    def _end(self, number: int, outcome: Mapping[str, Any]) -> None:
        import optuna
        from optuna.trial import TrialState

        complete = outcome["state"] == "complete"
        # A diverged trial is told as pruned: Optuna's samplers then learn that it was worse than
        # every complete one, which they don't from a failed trial.
        states = {"complete": TrialState.COMPLETE, "failed": TrialState.FAIL}
        state = states.get(outcome["state"], TrialState.PRUNED)
        try:
            self.study.tell(number, outcome["value"] if complete else None, state=state)
        except (optuna.exceptions.UpdateFinishedTrialError, ValueError):
            # Another process that took it over has told the same.
            if not self.study.get_trials(deepcopy=False)[number].state.is_finished():
                raise


def suggest(trial: Any, name: str, distribution: Any) -> Any:
    """Let a trial draw a parameter."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    whole = isinstance(distribution, IntDistribution)
    draw = trial.suggest_int if whole else trial.suggest_float
    settings = {"log": distribution.log}
    if distribution.step is not None:
        settings["step"] = distribution.step
    return draw(name, distribution.low, distribution.high, **settings)


def _counts(frozen: Any) -> bool:
    """Whether a trial of Optuna's is one of the study's.

    Not if it was asked for in vain, nor if somebody else has put it there with its end.
    """
    if frozen.state.is_finished():
        return _OUTCOME in frozen.user_attrs
    return not frozen.user_attrs.get(_SURPLUS)


def _state(result: TrialResult, value: float | None) -> str:
    if result.error is not None:
        return "failed"
    if result.diverged or (value is None and not result.pruned):
        return "diverged"
    return "pruned" if result.pruned else "complete"
