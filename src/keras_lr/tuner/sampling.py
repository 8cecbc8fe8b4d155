"""The side that Optuna takes: sampling in waves, telling outcomes, storage, resuming.

Samplers, pruners, importance and storage are Optuna's own; this module only says when each is
asked. Trials are asked for in waves of a fixed size and told at the wave's end, in order, so every
engine asks at the same moments and the same seed gives the same trials on all of them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from keras_lr.errors import InvalidInput
from keras_lr.tuner.ledger import Ledger
from keras_lr.tuner.space import Space
from keras_lr.tuner.storage import as_storage, disconnect, unusable
from keras_lr.tuner.trial import Trial


class Sampling:
    """A study in Optuna.

    Args:
        space: The space.
        direction: `"minimize"` or `"maximize"`.
        about: What a resumed study has to agree with.
        sampler: Optuna's sampler.
        pruner: Optuna's pruner; by default none.
        storage: A path (SQLite or a journal), a URL, or an Optuna storage.
        name: The study's name in the storage.

    Raises:
        InvalidInput: The storage is none, or holds a study of that name which differs.

    Attributes:
        study: Optuna's study.
        ledger: Its records.
        stored: Numbers of the trials that were there before.
    """

    def __init__(
        self,
        space: Space,
        direction: Literal["minimize", "maximize"],
        about: Mapping[str, Any],
        *,
        sampler: Any,
        pruner: Any = None,
        storage: Any = None,
        name: str | None = None,
    ) -> None:
        import optuna

        self.space = space
        self.storage = storage
        try:
            self.study = optuna.create_study(
                storage=as_storage(storage),
                study_name=name or "keras-lr",  # Hyperband divides trials by it: always the same
                sampler=sampler,
                pruner=pruner or optuna.pruners.NopPruner(),
                direction=direction,
                load_if_exists=True,
            )
        except Exception as error:
            if not isinstance(storage, str | Path) or isinstance(error, InvalidInput):
                raise
            raise unusable(storage, error) from error
        self.ledger = Ledger(self.study, space)
        try:
            self.ledger.recognise(direction, about)
            self.ledger.open()
        except BaseException:
            self._disconnect()
            raise
        if self.ledger.owner.others():
            # The same sampler in another process would draw the same trials.
            sampler.reseed_rng()
        self.stored = frozenset(trial.number for trial in self.trials())

    def close(self) -> None:
        """End the work on the study."""
        self.ledger.close()
        self._disconnect()

    def _disconnect(self) -> None:
        if isinstance(self.storage, str | Path):
            disconnect(self.study._storage)

    def ask(self, count: int, limit: int) -> list[Any]:
        """Optuna trials for a wave; first those that were interrupted.

        Args:
            count: How many.
            limit: Trials of the study; fewer than `count` come back where others took the rest.
        """
        asked = self.ledger.ask(count, self.space.distributions())
        return self.ledger.give_up_surplus(asked, limit)

    def trials(self) -> list[Trial]:
        """The trials that came to an end, by number."""
        return self.ledger.trials()
