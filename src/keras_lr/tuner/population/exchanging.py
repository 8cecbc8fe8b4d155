"""What happens between two epochs of a population: who goes on as a copy of whom, with which rate."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.trial import Become, has_diverged
from keras_lr.errors import InvalidInput, nearest
from keras_lr.tuner.population.lineage import Copy
from keras_lr.tuner.population.truncation import PBT

RATE = "learning_rate"


class Exchanging:
    """The exchange of a population; see `keras_lr.engines.trial.Exchange`.

    After each interval the worst are replaced. A member that diverges is replaced at once: it has
    nothing left to train with. All draws depend on the seed and the epoch only, so every engine
    makes the same.

    Args:
        method: Who is replaced by whom, and what changes.
        searched: The ranges or choices of the rate and the other settings, by name.
        starts: The values that each member starts with, by name.
        objective: The logged value that members are ranked by.
        direction: `"minimize"` or `"maximize"`.
        interval: Epochs between two exchanges.
        seed: Of the draws.

    Attributes:
        copies: What was copied so far, by place in the population.
        histories: Of each member, what it has logged so far, epoch by epoch (the last epoch, after
            which nothing is exchanged, isn't among them).
    """

    def __init__(
        self,
        method: PBT,
        searched: Mapping[str, Any],
        starts: list[dict[str, float]],
        *,
        objective: str,
        direction: str,
        interval: int,
        seed: int,
    ) -> None:
        self.method = method
        self.searched = searched
        self.objective = objective
        self.direction = direction
        self.interval = interval
        self.seed = seed
        self.copies: list[Copy] = []
        self.histories: list[dict[str, list[float]]] = [{} for _ in starts]
        self._bases = [start[RATE] for start in starts]
        self._factors = [1.0 for _ in starts]
        self._settings = [{n: v for n, v in start.items() if n != RATE} for start in starts]

    def __call__(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> dict[int, Become]:
        """Who goes on as whom after an epoch, from 0."""
        values = {}
        for place, logged in sorted(logs.items()):
            if self.objective not in logged:
                raise InvalidInput(
                    f"The trials log no {self.objective!r}. {nearest(self.objective, logged)}"
                )
            for name, value in logged.items():
                self.histories[place].setdefault(name, []).append(value)
            values[place] = math.nan if has_diverged(logged) else logged[self.objective]
        random = np.random.default_rng((self.seed, epoch))
        due = (epoch + 1) % self.interval == 0
        choose = self.method.replaced if due else self.method.rescued
        pairs = choose(values, self.direction, random)
        return {
            place: self._copy(epoch + 1, place, source, random) for place, source in pairs.items()
        }

    def _copy(self, epoch: int, place: int, source: int, random: np.random.Generator) -> Become:
        base = self._bases[source]
        rate = self.method.rate(self._factors[source], base, self.searched[RATE], random)
        settings = {
            name: self.method.setting(value, self.searched[name], random)
            for name, value in self._settings[source].items()
        }
        self._bases[place], self._factors[place], self._settings[place] = base, rate, settings
        self.copies.append(Copy(epoch, place, source, rate, settings))
        # In single precision, as a schedule of these factors has them in the training step.
        return Become(source, float(np.float32(rate)), settings)
