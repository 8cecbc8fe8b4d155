"""What an engine's reports go through: the progress bar, Optuna's record, and the race."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.errors import InvalidInput, nearest
from keras_lr.tuner.racing import Race


class Reporting:
    """The report of one wave; see `keras_lr.engines.endings`.

    Args:
        asked: The wave's Optuna trials, by place.
        race: Who decides which of them go on.
        objective: The logged value that they are judged by.
        epochs: Epochs of a trial.
        progress: Told of each epoch of each trial.
    """

    def __init__(
        self, asked: Sequence[Any], race: Race, *, objective: str, epochs: int, progress: Any
    ) -> None:
        self.asked = asked
        self.race = race
        self.objective = objective
        self.epochs = epochs
        self.progress = progress

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        """An epoch of one trial."""
        return bool(self.together(epoch, {trial: logs}))

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """An epoch of trials that run side by side.

        Raises:
            InvalidInput: They don't log the objective.
        """
        values = {}
        for place, logged in logs.items():
            self.progress.epoch()
            if self.objective not in logged:
                raise InvalidInput(
                    f"The trials log no {self.objective!r}. {nearest(self.objective, logged)}"
                )
            values[self.asked[place]] = logged[self.objective]
        ended = self.race.after(epoch, values, last=epoch + 1 >= self.epochs)
        return {place for place in logs if self.asked[place].number in ended}
