"""One call of `keras_lr.tune(method="pbt")`."""

import math
import time
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
from keras_lr.tuner.racing import Race
from keras_lr.tuner.reporting import Reporting
from keras_lr.tuner.search import Search
from keras_lr.tuner.share import PAUSE
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
        # Nothing is written into members that another process has taken over.
        self.race = Race(self.sampling.study, self.sampling.ledger.mine)

    def about(self) -> dict[str, Any]:
        """What a stored study has to agree with."""
        told = {"method": repr(self.method), "population": self.count, "interval": self.interval}
        return {**super().about(), **told}

    def run(self, *, quiet: bool) -> None:
        """Train the population, unless it is in the storage."""
        done = self.sampling.trials()
        total = 0 if done else self.count * self.job.epochs
        told = {"quiet": quiet, "unit": "members"}
        with Progress(total, self.count, len(done), self.objective, **told) as progress:
            if not done:
                if self.reason is not None:
                    progress.say(f"engine='fit', since {self.reason}.")
                try:
                    self._train(self._claimed(), progress)
                except _TakenOver:
                    progress.say("another process took the population over; waiting for its end.")
                else:
                    self._told(progress)
                    return
            self._wait()
            self._load(self.sampling.trials())
            progress.say(f"the population of {self.count} is in the storage.")

    def _claimed(self) -> list[Any]:
        """All members' trials, if this process is the first to want them.

        Of processes that begin at the same moment the first is the one with the lowest trial: the
        storage numbers them one by one.

        Raises:
            InvalidInput: Another one trains them.
        """
        ledger, asked = self.sampling.ledger, []
        if not ledger.elsewhere():
            asked = self.sampling.ask(1, self.count)
        if not asked or any(number < asked[0].number for number in ledger.elsewhere()):
            for trial in asked:
                ledger.abandon(trial)
            raise InvalidInput(
                "Another process trains this population. Wait until it ends, or give another "
                "study_name: a population is trained by one process."
            )
        try:
            while len(asked) < self.count:
                self._wait()  # whoever came second gives its trial back
                ledger.take_over()
                asked += self.sampling.ask(self.count - len(asked), self.count)
        except BaseException:
            for trial in asked:
                ledger.abandon(trial)
            raise
        return sorted(asked, key=lambda trial: trial.number)

    def _wait(self) -> None:
        while self.sampling.ledger.elsewhere():
            time.sleep(PAUSE)

    def _train(self, asked: list[Any], progress: Progress) -> None:
        self.trained = True
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

        def done(index: int, result: TrialResult) -> bool:
            ended[index] = result
            mine = [_numbered(copy, asked) for copy in exchanging.copies if copy.member == index]
            ledger = self.sampling.ledger
            if not ledger.note(asked[index], LINEAGE, [copy.to_json() for copy in mine]):
                raise _TakenOver
            self.race.end(asked[index], result.history.get(self.objective, ()))
            value = self._value(result)
            counts = ledger.keep(asked[index], result, value)
            return counts and self._note(value, asked[index].number)

        try:
            specs = [self.space.spec(each) for each in params]
            report = _Report(
                asked,
                self.race,
                objective=self.objective,
                epochs=self.job.epochs,
                progress=progress,
            )
            report.watch(self.direction)
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
        self.copies = []
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


class _TakenOver(Exception):
    """Another process trains the members, since this one was taken to be dead."""


class _Report(Reporting):
    """The report of a population, of which nothing is pruned."""

    def watch(self, direction: str) -> None:
        """Tell of the best value on the way."""
        self._choose = min if direction == "minimize" else max
        self._values: dict[int, float] = {}

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """See `Reporting.together`."""
        if super().together(epoch, logs):
            raise _TakenOver
        self._values.update({place: each[self.objective] for place, each in logs.items()})
        sound = [value for value in self._values.values() if math.isfinite(value)]
        self.progress.stage(
            f"epoch {epoch + 1} of {self.epochs}", self._choose(sound) if sound else None
        )
        return set()


def _numbered(copy: Copy, asked: list[Any]) -> Copy:
    """A copy by the numbers of trials instead of places."""
    return replace(copy, member=asked[copy.member].number, source=asked[copy.source].number)
