"""base × reduction: the settable part of each leaf's rate, and how it came to be what it is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.rate.detection import Detectors
from keras_lr.rate.followed import FollowedRate, plain_rate
from keras_lr.rate.leaves import own_schedule, rate_variable
from keras_lr.rate.moment import Moment
from keras_lr.rate.place import Place


class Product:
    """The parts of base × reduction, and the variables that they end up in.

    Args:
        leaves: The optimizers that hold a rate.

    Attributes:
        bases: The base of each leaf: what its rate is apart from schedules and reductions (1 for
            a leaf that follows the schedule it was built with).
        factors: What each owner multiplies the rate of each leaf by.
        moments: Every change of bases and factors, in order.
        place: Where the run stands.
    """

    def __init__(self, leaves: Sequence[Any]) -> None:
        self.leaves = list(leaves)
        self.factors: dict[object, tuple[float, ...]] = {}
        self.rates: list[FollowedRate] | None = None
        self.place = Place(self.leaves)
        self.bases = [held_rate(leaf) for leaf in self.leaves]
        self.moments: list[Moment] = []
        self._assigned = list(self.bases)
        self._carried = False
        self._detectors: list[tuple[object, Detectors]] = []

    def multiply(self, owner: object, factor: float) -> None:
        """Multiply the owner's factor, and so the rate, by `factor`, from here on."""
        self.adopt()
        self.factors[owner] = tuple(each * factor for each in self.factors[owner])
        self._assign()
        self.mark()

    def set_base(self, values: list[float]) -> None:
        """Give each leaf a new base, from here on."""
        self.adopt()
        self.bases = list(values)
        self._assign()
        self.mark()

    def adopt(self, since: int | None = None) -> bool:
        """Take a rate that someone else assigned (a user, another callback) as the new base.

        Args:
            since: Batches of the run after which it may have been assigned; by default, as many
                as are done.
        """
        changed = self._take_cuts(since)
        for index, leaf in enumerate(self.leaves):
            value = held_rate(leaf)
            if value != self._assigned[index]:
                self.bases[index] = value / self.reductions[index]
                self._assigned[index] = value
                changed = True
        if changed:
            self.mark(since)
        return changed

    def _take_cuts(self, since: int | None) -> bool:
        """Take what was cut inside the steps as its owner's factor; whether someone else assigned.

        Each cut says what it found: what isn't what the last one left was assigned in between.
        """
        changed = False
        cuts = [(cut, owner) for owner, group in self._detectors for cut in group.look()]
        for cut, owner in sorted(cuts, key=lambda pair: (pair[0].step, pair[0].leaf)):
            index = cut.leaf
            if cut.before != self._assigned[index]:
                self.bases[index] = cut.before / self.reductions[index]
                self.mark(since)
                changed = True
            factors = list(self.factors[owner])
            factors[index] *= cut.after / cut.before
            self.factors[owner] = tuple(factors)
            self._assigned[index] = cut.after
            self.mark(cut.step * (self.leaves[0].gradient_accumulation_steps or 1))
        return changed

    def mark(self, since: int | None = None) -> None:
        """Note the bases and factors as those from here on, or from `since` batches on."""
        batches = self.place.done if since is None else since
        if self.moments:
            batches = max(batches, self.moments[-1].batch)  # moments are in order
        self.moments.append(Moment(batches, tuple(self.bases), dict(self.factors)))

    @property
    def reductions(self) -> list[float]:
        """The product of all owners' factors, for each leaf."""
        return [
            math.prod(factors[index] for factors in self.factors.values())
            for index in range(len(self.leaves))
        ]

    def settable(self, updates_ago: int = 0) -> float:
        """base × reduction; of the lowest member of a `MultiOptimizer`, whom a floor meets first."""
        bases = self.bases
        if self.rates is not None:
            own = [rate.own(updates_ago) for rate in self.rates]
            bases = [base * part for base, part in zip(bases, own, strict=True)]
        return min(base * factor for base, factor in zip(bases, self.reductions, strict=True))

    def read(self, updates_ago: int = 0) -> list[float]:
        """Each leaf's rate at the next update, or at one `updates_ago`; computed on the host."""
        if self.rates is not None:
            return [rate.read(updates_ago) for rate in self.rates]
        return [plain_rate(leaf, updates_ago) for leaf in self.leaves]

    def left(self) -> list[float | None]:
        """base × reduction as a fit leaves it in each leaf that has a place for it."""
        return [
            None if own_schedule(leaf) is not None else value
            for leaf, value in zip(self.leaves, self._assigned, strict=True)
        ]

    def carry(
        self, bases: Sequence[float], assigned: Sequence[float], offsets: Sequence[int]
    ) -> None:
        """Go on where another control stood (`keras_lr.rate.carried`).

        Args:
            bases: Its bases.
            assigned: What it had last assigned to each leaf.
            offsets: Where its run stood (`Place.offsets`).
        """
        self.bases, self._assigned = list(bases), list(assigned)
        self.place.carry(offsets)
        self._carried = True

    @property
    def assigned(self) -> list[float]:
        """What was last assigned to each leaf; another value there is someone else's."""
        return list(self._assigned)

    def _assign(self) -> None:
        reductions = self.reductions
        for index, leaf in enumerate(self.leaves):
            variable = rate_variable(leaf)
            if variable is None:
                continue
            value = self.bases[index] * reductions[index]
            if float(np.float32(value)) != held_rate(leaf):
                variable.assign(value)
            self._assigned[index] = held_rate(leaf)


def held_rate(leaf: Any) -> float:
    """The settable part that a leaf holds; 1 where it follows a schedule of its own."""
    variable = rate_variable(leaf)
    return 1.0 if variable is None else float(variable.numpy())
