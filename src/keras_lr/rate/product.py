"""base × reduction: the settable part of each leaf's rate, and how it came to be what it is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.rate.assigning import assign_quietly
from keras_lr.rate.detection.in_fit import InFit
from keras_lr.rate.followed import FollowedRate, host_position, plain_rate
from keras_lr.rate.leaves import batches_per_update, own_schedule, rate_variable
from keras_lr.rate.moment import Assignment, Moment
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
        assignments: Every rate that someone else assigned, in the order in which they were found.
        place: Where the run stands.
    """

    def __init__(self, leaves: Sequence[Any]) -> None:
        self.leaves = list(leaves)
        self.factors: dict[object, tuple[float, ...]] = {}
        self.rates: list[FollowedRate] | None = None
        self.place = Place(self.leaves)
        self.bases = [held_rate(leaf) for leaf in self.leaves]
        self.moments: list[Moment] = []
        self.assignments: list[Assignment] = []
        self._known = 0  # batches of which every rate is known: those before the last look
        self._before: dict[int, tuple[int, float]] = {}  # leaf: updates, settable part until then
        self._assigned = list(self.bases)
        self._carried = False
        self._in_steps: list[tuple[object, InFit]] = []

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

    def adopt(self, since: int | None = None, *, by: Any = None) -> bool:
        """Take a rate that someone else assigned (a user, another callback) as the new base.

        Args:
            since: Batches of the run before which it can't have been assigned; by default, those
                that were done when this last looked.
            by: The callback that did it, where somebody knows.

        Returns:
            Whether someone did (`assignments` says what).
        """
        found = len(self.assignments)
        since = self._known if since is None else max(since, self._known)
        known = self._take_cuts([since] * len(self.leaves))
        for index, leaf in enumerate(self.leaves):
            self._compare(index, held_rate(leaf), known[index], by)
        self._known = max(self._known, self.place.done)
        return len(self.assignments) > found

    def _compare(self, index: int, rate: float, since: int, by: Any = None) -> None:
        """Take what a leaf is found with as assigned, if it isn't what was left there."""
        if rate == self._assigned[index]:
            return
        before = self._assigned[index]
        self.bases[index] = rate / self.reductions[index]
        self._assigned[index] = rate
        self.assignments.append(Assignment(self.mark(since), index, rate, before, *_named(by)))

    def _take_cuts(self, known: list[int]) -> list[int]:
        """Take what was cut inside the steps as its owner's factor.

        Each cut says what it found: what isn't what the last one left was assigned in between.

        Args:
            known: For each leaf, batches of which its rate is known.

        Returns:
            The same, with the cuts.
        """
        each = [batches_per_update(leaf) for leaf in self.leaves]
        cuts = [
            (cut.step * each[cut.leaf], cut, owner)
            for owner, inside in self._in_steps
            for cut in inside.look()
        ]
        for batch, cut, owner in sorted(cuts, key=lambda found: (found[0], found[1].leaf)):
            index = cut.leaf
            self._compare(index, cut.before, known[index])
            factors = list(self.factors[owner])
            factors[index] *= cut.after / cut.before
            self.factors[owner] = tuple(factors)
            self._assigned[index] = cut.after
            self.mark(batch)
            known[index] = batch + each[index]
        return known

    def with_own(self, leaf: int, rate: float, step: int) -> float:
        """A settable part times what the leaf's own schedule gives, at an update of the run."""
        if self.rates is None:
            return rate
        accumulated = batches_per_update(self.leaves[leaf])
        ago = max(0, self.place.done // accumulated - step)
        return rate * self.rates[leaf].own(ago)

    def mark(self, since: int | None = None) -> int:
        """Note the bases and factors as those from here on, or from `since` batches on.

        Returns:
            From how many batches on that is; what was noted before stays before.
        """
        batches = self.place.done if since is None else since
        if self.moments:
            batches = max(batches, self.moments[-1].batch)  # moments are in order
        self.moments.append(Moment(batches, tuple(self.bases), dict(self.factors)))
        return batches

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
        found = []
        for index, leaf in enumerate(self.leaves):
            held = self._held_before(index) if updates_ago else None
            if self.rates is not None:
                found.append(self.rates[index].read(updates_ago, held))
            else:
                found.append(plain_rate(leaf, updates_ago) if held is None else held)
        return found

    def remember(self) -> None:
        """Note what each leaf holds: somebody is about to assign another rate."""
        self.adopt()
        for index in range(len(self.leaves)):
            if self._held_before(index) is None:
                self._before[index] = (self._updates(index), self._assigned[index])

    def _held_before(self, leaf: int) -> float | None:
        """What a leaf's last update found, if another rate was assigned since; else `None`."""
        updates, held = self._before.get(leaf, (-1, None))
        return held if updates == self._updates(leaf) else None

    def _updates(self, leaf: int) -> int:
        return host_position(self.leaves[leaf], 0)

    def scalars(self) -> list[Any]:
        """The small variables of the optimizer that `read`, `adopt` and `place` look at."""
        found = [rate_variable(leaf) for leaf in self.leaves]
        found += [leaf._iterations for leaf in self.leaves]
        for _, inside in self._in_steps:
            for part in inside.parts():
                found += part.variables()
        return [each for each in found if each is not None]

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
                assign_quietly(variable, value)
            self._assigned[index] = held_rate(leaf)


def _named(by: Any) -> tuple[str, bool, str]:
    """What a callback is called, whether it is a `ReduceLROnPlateau`, and what such a one waits for."""
    if by is None:
        return "", False, ""
    import keras

    if not isinstance(by, keras.callbacks.ReduceLROnPlateau):
        return type(by).__name__, False, ""
    epochs = f"{by.patience} epoch{'' if by.patience == 1 else 's'}"
    return type(by).__name__, True, f"{by.monitor} has not improved for {epochs}"


def held_rate(leaf: Any) -> float:
    """The settable part that a leaf holds; 1 where it follows a schedule of its own."""
    variable = rate_variable(leaf)
    return 1.0 if variable is None else float(variable.numpy())
