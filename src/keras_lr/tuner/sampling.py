"""The side that Optuna takes: sampling in waves, telling outcomes, storage, resuming.

Samplers, pruners, importance and storage are Optuna's own; this module only says when each is
asked. Trials are asked for in waves of a fixed size and told at the wave's end, in order, so every
engine asks at the same moments and the same seed gives the same trials on all of them.
"""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from keras_lr.engines.trial import TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.tuner.space import Space
from keras_lr.tuner.trial import Trial

WAVE = 16
"""Trials that are asked for at once."""

_ABOUT = "keras_lr"
_STATE, _HISTORY, _SECONDS, _ERROR = "state", "history", "seconds", "error"
_INTERRUPTED = "interrupted"


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
        InvalidInput: The storage holds a study of that name which differs.
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
        try:
            self.study = optuna.create_study(
                storage=_storage(storage),
                study_name=name or ("keras-lr" if storage is not None else None),
                sampler=sampler,
                pruner=pruner or optuna.pruners.NopPruner(),
                direction=direction,
                load_if_exists=True,
            )
        except (KeyboardInterrupt, InvalidInput):
            raise
        except Exception as error:
            if not isinstance(storage, str | Path):
                raise
            told = " ".join(str(error).split())[:200]
            raise InvalidInput(
                f"The storage can't be opened ({type(error).__name__}: {told}). Give a file that "
                f"tune() wrote, or a name that is free. Received: storage={str(storage)!r}."
            ) from error
        self._recognise(direction, dict(about))
        self._resume()

    def ask(self, count: int) -> list[Any]:
        """Optuna trials for a wave."""
        import optuna

        if self._own_sampler is None:
            seed = (self.seed * 1_000_003 + len(self.trials())) % 2**32
            self.study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        distributions = self.space.distributions()
        return [self.study.ask(distributions) for _ in range(count)]

    def tell(self, trial: Any, result: TrialResult, value: float | None) -> None:
        """Store the outcome of a trial.

        A diverged trial is told as pruned: Optuna's samplers then learn that it was worse than
        every complete one, which they don't from a failed trial.
        """
        from optuna.trial import TrialState

        trial.set_user_attr(_HISTORY, result.history)
        trial.set_user_attr(_SECONDS, result.seconds)
        if result.error is not None:
            message = f"{type(result.error).__name__}: {result.error}"
            trial.set_user_attr(_ERROR, message)
            self.study.tell(trial, state=TrialState.FAIL)
        elif result.diverged or (value is None and not result.pruned):
            trial.set_user_attr(_STATE, "diverged")
            self.study.tell(trial, state=TrialState.PRUNED)
        elif result.pruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, value)

    def abandon(self, trial: Any) -> None:
        """Store that a trial was interrupted; a resumed study runs its params again."""
        from optuna.trial import TrialState

        trial.set_user_attr(_INTERRUPTED, True)
        self.study.tell(trial, state=TrialState.FAIL)

    def trials(self) -> list[Trial]:
        """The trials that came to an end, by number."""
        from optuna.trial import TrialState

        states = {
            TrialState.COMPLETE: "complete",
            TrialState.PRUNED: "pruned",
            TrialState.FAIL: "failed",
        }
        found = []
        for frozen in self.study.get_trials(deepcopy=False):
            attributes = frozen.user_attrs
            if frozen.state not in states or attributes.get(_INTERRUPTED):
                continue
            found.append(
                Trial(
                    number=frozen.number,
                    params=self.space.params(frozen.params),
                    value=frozen.value if frozen.state is TrialState.COMPLETE else None,
                    state=attributes.get(_STATE, states[frozen.state]),
                    history=attributes.get(_HISTORY, {}),
                    seconds=attributes.get(_SECONDS, 0.0),
                    error=attributes.get(_ERROR),
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
        """Queue again what was interrupted: by Ctrl-C, or by the death of the process."""
        from optuna.trial import TrialState

        trials = self.study.get_trials(deepcopy=False)
        for frozen in trials:
            crashed = frozen.state is TrialState.RUNNING
            if crashed:
                self.study._storage.set_trial_user_attr(frozen._trial_id, _INTERRUPTED, True)
                self.study.tell(frozen.number, state=TrialState.FAIL)
            if not crashed and not frozen.user_attrs.get(_INTERRUPTED):
                continue
            later = [
                t.system_attrs.get("fixed_params", t.params) for t in trials[frozen.number + 1 :]
            ]
            if frozen.params and frozen.params not in later:
                self.study.enqueue_trial(frozen.params)


def _storage(storage: Any) -> Any:
    if isinstance(storage, Path) or (isinstance(storage, str) and "://" not in storage):
        path = Path(storage)
        if not path.parent.is_dir():
            raise InvalidInput(
                f"The folder of the storage doesn't exist. Received: storage={str(storage)!r}."
            )
        return f"sqlite:///{path}"
    return storage
