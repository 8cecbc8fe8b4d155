"""What a population gives back: its members, who was copied from whom, and the best one's path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_lr.engines.kept import keep
from keras_lr.engines.models import make_model
from keras_lr.engines.trial import TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.lazy import call
from keras_lr.schedules import Constant, Schedule
from keras_lr.tuner.code import spec_code
from keras_lr.tuner.population.checks import SCHEDULED
from keras_lr.tuner.population.lineage import Copy, Leg, lineage, piecewise
from keras_lr.tuner.study import Study
from keras_lr.tuner.trial import Trial


@dataclass(repr=False)
class Population(Study):
    """The outcome of `keras_lr.tune(method="pbt")`: a `Study` whose trials are the members.

    A member's `params` are those that it started with, and its history is what was trained in its
    place: before a copy by the member that it was then. `lineage` tells the two apart.

    Args:
        copies: Who went on as a copy of whom, in the order in which it happened.
        interval: Epochs between two exchanges.
    """

    copies: Sequence[Copy] = ()
    interval: int = 1

    @property
    def best(self) -> Trial:
        """The best member at the last epoch; of an interrupted population at its last full one.

        Raises:
            InvalidInput: No member is sound.
        """
        if not self.interrupted or any(trial.state == "complete" for trial in self.trials):
            return super().best
        sign = 1 if self.direction == "minimize" else -1
        reached = [
            (sign * trial.history[self.objective][-1], trial.number, trial)
            for trial in self.trials
            if trial.history.get(self.objective)
        ]
        sound = [each for each in reached if each[0] == each[0]]
        return min(sound)[2] if sound else super().best

    @property
    def schedule(self) -> Schedule:
        """The best member's path: piecewise factors of the rate with which its lineage began.

        `LearningRate(schedule)` with the rate of `code()` trains as the best member was trained.
        """
        return self.path(self.best.number)

    def lineage(self, number: int) -> tuple[Leg, ...]:
        """Who trained a member's weights, epoch by epoch, from its first ancestor on.

        Args:
            number: The member's trial.
        """
        return lineage(number, self.copies)

    def path(self, number: int) -> Schedule:
        """A member's path as a schedule: its factors, times the population's schedule if it had one.

        Args:
            number: The member's trial.
        """
        legs = self.lineage(number)
        found = piecewise([leg.start for leg in legs], [leg.factor for leg in legs])
        common = self._root(number).schedule
        if common is None:
            return found
        return common if isinstance(found, Constant) else found * common

    def spec(self, number: int) -> TrialSpec:
        """The one training that gives a member's weights, apart from other settings' paths.

        Args:
            number: The member's trial.
        """
        root = self._root(number)
        return TrialSpec(root.settings, self.path(number), (), root.arguments)

    def callback(self, number: int | None = None) -> Any:
        """A `LearningRate` that takes a member's path: of the rate, and of other settings.

        Args:
            number: The member's trial; by default the best.
        """
        from keras_lr.callbacks import LearningRate

        number = self.best.number if number is None else number
        return LearningRate(self.path(number), **self._settings(number))

    def replay(self, number: int | None = None, *, seed: int | None = None) -> Any:
        """Train a member's path from scratch with plain `fit`, without any copying.

        With the population's own seed this gives the member's own weights and value, as far as
        training is deterministic. With another it shows what the path is worth by itself.

        Args:
            number: The member's trial; by default the best.
            seed: Of the weights and batches; by default the population's.

        Returns:
            The trained model; `model.history.history` has its curves.
        """
        from dataclasses import replace

        from keras_lr.engines.seed import check_seed
        from keras_lr.state.random_state import RandomState

        number = self.best.number if number is None else number
        job = self._job if seed is None else replace(self._job, seed=check_seed(seed))
        taken = RandomState.take()
        try:
            model = make_model(job, self._root(number))
            model.fit(**job.fit_arguments(), verbose=0, callbacks=[self.callback(number)])
            return model
        finally:
            taken.restore()

    def best_model(self, trial: Trial | None = None) -> Any:
        """The best member's model, as it was at its last epoch: plain Keras, compiled, trained.

        Its optimizer has the last rate and settings of its path, and the state of the training.

        Args:
            trial: Another member; its path is trained again (`replay`).
        """
        self._check_own(trial)
        if trial is None or trial.number == self.best.number:
            return super().best_model()
        print(f"keras-lr: trial {trial.number} isn't the best; training its path again.")
        return self.replay(trial.number)

    def code(self, trial: Trial | None = None) -> str:
        """Copyable lines that train the best member's path.

        Args:
            trial: Another member.
        """
        self._check_own(trial)
        number = (self.best if trial is None else trial).number
        model = self._model(self._root(number))
        return spec_code(self.spec(number), model, self._job, scheduled=self._settings(number))

    def _spec_of(self, trial: Trial) -> TrialSpec:
        if self._settings(trial.number):
            raise InvalidInput(
                f"Trial {trial.number}'s path changes more than the rate on its way, which trials "
                "don't. Write replay(number, seed=...) to train it from other seeds."
            )
        return self.spec(trial.number)

    def _best_spec(self) -> TrialSpec:
        """The best member with the rate and settings of its last epochs."""
        number = self.best.number
        last, root = self.lineage(number)[-1], self._root(number)
        rate = root.settings["learning_rate"] * last.factor
        settings = {**root.settings, **last.settings, "learning_rate": rate}
        return TrialSpec(settings, arguments=root.arguments)

    def _train_again(self, spec: Any) -> Any:
        return self._restored(spec, keep(self.replay()))

    def plot(self, kind: str = "paths") -> Any:
        """A plotly figure: every member's rate, epoch by epoch, and the best one's path.

        Args:
            kind: `"paths"`, or one of an ordinary study's.

        Raises:
            InvalidInput: An unknown kind.
        """
        if kind == "paths":
            return call("keras_lr.watch.figures:population_figure", self)
        return super().plot(kind)

    def _trial(self, number: int) -> Trial:
        return next(trial for trial in self.trials if trial.number == number)

    def _root(self, number: int) -> TrialSpec:
        """What a member's first ancestor started with."""
        return self._space.spec(self._trial(self.lineage(number)[0].member).params)

    def _settings(self, number: int) -> dict[str, Any]:
        """The paths of other settings, by `LearningRate`'s names for them."""
        first, *later = self.lineage(number)
        root = self._root(number).settings
        names = {name for leg in later for name in leg.settings}
        return {
            SCHEDULED[name]: piecewise(
                [first.start, *(leg.start for leg in later)],
                [root[name], *(leg.settings[name] for leg in later)],
            )
            for name in sorted(names)
        }
