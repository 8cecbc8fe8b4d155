"""One call of `keras_lr.tune(method="pbt")`."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from keras_lr.engines import Job, TrialResult
from keras_lr.errors import InvalidInput
from keras_lr.tuner.population.checks import check_sizes, check_space
from keras_lr.tuner.population.exchanging import Exchanging
from keras_lr.tuner.population.lineage import Copy
from keras_lr.tuner.population.result import Population
from keras_lr.tuner.population.truncation import PBT
from keras_lr.tuner.progress import Progress
from keras_lr.tuner.search import _Search as Search
from keras_lr.tuner.study import Study
from keras_lr.tuner.trial import Trial

LINEAGE = "lineage"
"""Where a trial keeps what was copied into it."""


class PopulationSearch(Search):
    """A population instead of independent trials: all of them train together, once.

    Args:
        job: What the members have in common.
        space: What they start with.
        method: How they are exchanged.
        population: How many there are.
        interval: Epochs between two exchanges.
        objective: The logged value that they are ranked by.
        direction: Whether less or more of it is better; `None` for what its name says.

    Raises:
        InvalidInput: As for an ordinary search, and for what a population can't be made of.
    """

    def __init__(
        self,
        job: Job,
        space: Any,
        *,
        method: PBT,
        population: Any,
        interval: Any,
        objective: str,
        direction: str | None,
    ) -> None:
        population, self.interval = check_sizes(population, interval, job.epochs)
        super().__init__(job, space, trials=population, objective=objective, direction=direction)
        check_space(self.space)
        self.method = method
        self.copies: list[Copy] = []
        self.cut_off: list[Trial] = []

    def connect(self, engine: Any, **parts: Any) -> None:
        """Choose the engine, and open the study."""
        if engine == "ray" or not isinstance(engine, str):
            raise InvalidInput(
                "The members of a population are copied to each other, so they train in one place. "
                f'Leave the engine out, or write engine="compiled". Received: engine={engine!r}.'
            )
        super().connect(engine, **parts)

    def about(self) -> dict[str, Any]:
        """What a stored study has to agree with."""
        told = {"method": repr(self.method), "population": self.count, "interval": self.interval}
        return {**super().about(), **told}

    def run(self, *, quiet: bool) -> None:
        """Train the population, unless it is in the storage."""
        done = self.sampling.trials()
        total = 0 if done else self.count * self.job.epochs
        with Progress(total, self.count, len(done), self.objective, quiet=quiet) as progress:
            if done:
                self._load(done)
                progress.say(f"the population of {self.count} is in the storage.")
                return
            if self.reason is not None:
                progress.say(f"engine='fit', since {self.reason}.")
            if self.sampling.ledger.owner.others():
                raise InvalidInput(
                    "Another process trains this population. Wait until it ends, or give another "
                    "study_name: a population is trained by one process."
                )
            self._train(progress)
            self._told(progress)

    def _train(self, progress: Progress) -> None:
        asked = self.sampling.ask(self.count, self.count)
        params = [self.space.params(trial.params) for trial in asked]
        exchanging = Exchanging(
            self.method,
            self.space.searched,
            [{name: each[name] for name in self.space.searched} for each in params],
            objective=self.objective,
            direction=self.direction,
            interval=self.interval,
            seed=self.job.seed,
        )
        ended: dict[int, TrialResult] = {}

        def report(index: int, epoch: int, logs: Mapping[str, float]) -> bool:
            progress.epoch()
            value = logs.get(self.objective, math.nan)
            with warnings.catch_warnings():
                # A population that was interrupted has reported this before.
                warnings.simplefilter("ignore", UserWarning)
                if math.isfinite(value):
                    asked[index].report(value, epoch + 1)
            return False

        def done(index: int, result: TrialResult) -> bool:
            ended[index] = result
            mine = [_numbered(copy, asked) for copy in exchanging.copies if copy.member == index]
            asked[index].set_user_attr(LINEAGE, [copy.to_json() for copy in mine])
            value = self._value(result)
            counts = self.sampling.ledger.keep(asked[index], result, value)
            return counts and self._note(value, asked[index].number)

        try:
            specs = [self.space.spec(each) for each in params]
            self.engine.run(specs, report, done, exchanging)
        except KeyboardInterrupt:
            self.interrupted = True
            self.cut_off = [
                Trial(trial.number, params[place], None, "pruned", exchanging.histories[place])
                for place, trial in enumerate(asked)
                if place not in ended
            ]
            progress.say("interrupted; the population begins anew when it is called again.")
        finally:
            self.copies = [_numbered(copy, asked) for copy in exchanging.copies]
            self._tell(asked, ended)
        self._refuse_all_failed(ended)

    def _load(self, done: list[Trial]) -> None:
        if len(done) < self.count:
            raise InvalidInput(
                f"Of the stored population of {self.count}, {len(done)} members were written when "
                "their process was ended. Choose another study_name, and train it again."
            )
        for trial in done:
            self._note(trial.value, trial.number)
        for frozen in self.sampling.study.get_trials(deepcopy=False):
            stored = frozen.user_attrs.get(LINEAGE, [])
            self.copies += [Copy.from_json(frozen.number, each) for each in stored]
        self.copies.sort(key=lambda copy: (copy.epoch, copy.member))  # as it happened

    def study(self, seconds: float) -> Study:
        """What to give back."""
        found = super().study(seconds)
        known = {item.name: getattr(found, item.name) for item in fields(found)}
        known["trials"] = [*found.trials, *self.cut_off]
        return Population(**known, copies=tuple(self.copies), interval=self.interval)


def _numbered(copy: Copy, asked: list[Any]) -> Copy:
    """A copy by the numbers of trials instead of places."""
    return replace(copy, member=asked[copy.member].number, source=asked[copy.source].number)
