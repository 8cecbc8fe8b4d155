"""The side that Optuna takes: sampling in waves, telling outcomes, storage, resuming.

Samplers, pruners, importance and storage are Optuna's own; this module only says when each is
asked. Trials are asked for in waves of a fixed size and told at the wave's end, in order, so every
engine asks at the same moments and the same seed gives the same trials on all of them. What became
of a trial is written down as soon as it ends, though, so that a process that is killed within a
wave loses only what it was training.
"""

import contextlib
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from keras_lr.engines.trial import TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.tuner.owner import Owner, is_alive
from keras_lr.tuner.space import Space
from keras_lr.tuner.storage import as_storage, unusable
from keras_lr.tuner.trial import Trial

WAVE = 16
"""Trials that are asked for at once."""

_ABOUT = "keras_lr"
_OUTCOME = "outcome"
_OWNER = "owner"
_INTERRUPTED = "interrupted"
_INSTEAD_OF = "instead_of"


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Optuna without its log lines and without its warnings that something is experimental."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)


class Sampling:
    """A study in Optuna.

    Args:
        space: The space.
        direction: `"minimize"` or `"maximize"`.
        about: What a resumed study has to agree with.
        seed: Of the default sampler.
        sampler: Optuna's sampler; by default TPE, seeded anew for each wave, so that a resumed
            study draws what an uninterrupted one would.
        pruner: Optuna's pruner; by default none.
        storage: A path (SQLite), a URL, or an Optuna storage.
        name: The study's name in the storage.

    Raises:
        InvalidInput: The storage is none, or holds a study of that name which differs, or one
            that a live process works on.
    """

    def __init__(
        self,
        space: Space,
        direction: Literal["minimize", "maximize"],
        about: Mapping[str, Any],
        *,
        seed: int,
        sampler: Any = None,
        pruner: Any = None,
        storage: Any = None,
        name: str | None = None,
    ) -> None:
        import optuna

        self.space = space
        self.seed = seed
        self._own_sampler = sampler
        self._outcomes: dict[int, dict[str, Any]] = {}
        opened = as_storage(storage)
        try:
            self.study = optuna.create_study(
                storage=opened,
                study_name=name or ("keras-lr" if storage is not None else None),
                sampler=sampler,
                pruner=pruner or optuna.pruners.NopPruner(),
                direction=direction,
                load_if_exists=True,
            )
        except Exception as error:
            if not isinstance(storage, str | Path):
                raise
            raise unusable(storage, error) from error
        self._recognise(direction, dict(about))
        self.owner = Owner(self.study)
        self.owner.claim()
        try:
            self._resume()
        except BaseException:
            self.owner.release()
            raise
        self.stored = frozenset(trial.number for trial in self.trials())

    def close(self) -> None:
        """Let other processes have the study."""
        self.owner.release()

    def ask(self, count: int) -> list[Any]:
        """Optuna trials for a wave."""
        import optuna

        if self._own_sampler is None:
            seed = (self.seed * 1_000_003 + len(self.trials())) % 2**32
            self.study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self.owner.confirm()
        distributions = self.space.distributions()
        asked = [self.study.ask(distributions) for _ in range(count)]
        for trial in asked:
            trial.set_user_attr(_OWNER, {**self.owner.mark, "beat": time.time()})
        return asked

    def keep(self, trial: Any, result: TrialResult, value: float | None) -> None:
        """Write down what became of a trial, all at once; `tell` comes when its wave is over."""
        error = result.error
        outcome = {
            "state": _state(result, value),
            "value": value,
            "history": result.history,
            "seconds": result.seconds,
            "error": None if error is None else f"{type(error).__name__}: {error}",
        }
        trial.set_user_attr(_OUTCOME, outcome)
        self._outcomes[trial.number] = outcome

    def tell(self, trial: Any) -> None:
        """Tell the sampler what was kept of a trial, which ends it."""
        self._tell(trial, self._outcomes.pop(trial.number))

    def _tell(self, trial: Any, outcome: Mapping[str, Any]) -> None:
        from optuna.trial import TrialState

        if outcome["state"] == "complete":
            self.study.tell(trial, outcome["value"])
        elif outcome["state"] == "failed":
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            # A diverged trial is told as pruned: Optuna's samplers then learn that it was worse
            # than every complete one, which they don't from a failed trial.
            self.study.tell(trial, state=TrialState.PRUNED)

    def abandon(self, trial: Any) -> None:
        """Store that a trial was interrupted; a resumed study runs its params again."""
        from optuna.trial import TrialState

        trial.set_user_attr(_INTERRUPTED, True)
        self.study.tell(trial, state=TrialState.FAIL)

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

    def _recognise(self, direction: str, about: dict[str, Any]) -> None:
        if self.study.direction.name.lower() != direction:
            raise InvalidInput(
                f"The stored study {self.study.study_name!r} is to "
                f"{self.study.direction.name.lower()}, this one is to {direction}. "
                "Choose another study_name."
            )
        stored = self.study.user_attrs.get(_ABOUT)
        if stored is None:
            self.study.set_user_attr(_ABOUT, about)
            return
        for name in sorted({*stored, *about}):
            if stored.get(name) != about.get(name):
                raise InvalidInput(
                    f"The stored study {self.study.study_name!r} was made with another {name}, so "
                    "its trials can't be continued. Choose another study_name, or give what it was "
                    f"made with: {stored.get(name)!r}. Received: {about.get(name)!r}."
                )

    def _resume(self) -> None:
        """Take over what a dead process left, and queue again what was interrupted."""
        from optuna.trial import TrialState

        for frozen in self.study.get_trials(deepcopy=False):
            if frozen.state is not TrialState.RUNNING:
                continue
            mark = frozen.user_attrs.get(_OWNER)
            if mark and mark["id"] != self.owner.mark["id"] and is_alive(mark):
                continue  # it ended up here at the same moment, and will end its own trials
            if _OUTCOME in frozen.user_attrs:
                self._tell(frozen.number, frozen.user_attrs[_OUTCOME])
            else:
                self.study._storage.set_trial_user_attr(frozen._trial_id, _INTERRUPTED, True)
                self.study.tell(frozen.number, state=TrialState.FAIL)
        trials = self.study.get_trials(deepcopy=False)
        replaced = {trial.user_attrs.get(_INSTEAD_OF) for trial in trials}
        for frozen in trials:
            params = frozen.params or frozen.system_attrs.get("fixed_params", {})
            again = frozen.user_attrs.get(_INTERRUPTED) and frozen.number not in replaced
            if again and set(params) == set(self.space.searched):
                self.study.enqueue_trial(params, user_attrs={_INSTEAD_OF: frozen.number})


def _state(result: TrialResult, value: float | None) -> str:
    if result.error is not None:
        return "failed"
    if result.diverged or (value is None and not result.pruned):
        return "diverged"
    return "pruned" if result.pruned else "complete"
