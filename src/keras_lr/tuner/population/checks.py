"""What a population can't be made of, refused before anything is trained."""

from numbers import Real
from typing import Any

from keras_lr.engines.job_checks import whole
from keras_lr.errors import InvalidInput
from keras_lr.tuner.population.truncation import PBT
from keras_lr.tuner.ranges import Uniform
from keras_lr.tuner.space import Space

SCHEDULED = {"momentum": "momentum", "beta_1": "momentum", "weight_decay": "weight_decay"}
"""Settings that may be perturbed beside the rate, with `LearningRate`'s name for them: those that
it can schedule, so that a path can be trained again."""


POPULATION = 16
"""Members, where nothing is said."""


def as_method(
    method: Any, *, population: Any, interval: Any, trials: Any, pruner: Any
) -> PBT | None:
    """The settings of the method, or `None` for an ordinary search.

    Args:
        method: What `tune` was given, as the others are.
        population: For a population only.
        interval: For a population only.
        trials: For an ordinary search only.
        pruner: For an ordinary search only.

    Raises:
        InvalidInput: There is no such method, or what was given is for the other.
    """
    if not isinstance(method, PBT) and method not in ("search", "pbt"):
        raise InvalidInput(
            'method is "search" (independent trials) or "pbt" (a population; or '
            f"keras_lr.PBT(...) with settings of its own). Received: method={method!r}."
        )
    if method == "search":
        for name, value in (("population", population), ("interval", interval)):
            if value is not None:
                raise InvalidInput(
                    f'{name} is for a population: write method="pbt" too, or leave it out. '
                    f"Received: {name}={value!r}."
                )
        return None
    if trials is not None:
        raise InvalidInput(
            "All members of a population train from the first epoch to the last: write population="
            f"{trials!r} in the place of trials. Received: trials={trials!r}."
        )
    if pruner not in (None, "none"):
        raise InvalidInput(
            "A population replaces its worst members by itself, so that there is nothing to prune. "
            f"Leave the pruner out. Received: pruner={pruner!r}."
        )
    return method if isinstance(method, PBT) else PBT()


def check_sizes(population: Any, interval: Any, epochs: Any) -> tuple[int, int]:
    """`(population, interval)` as plain ints; `None` for the defaults.

    Raises:
        InvalidInput: There is nobody to copy, or no moment for it.
    """
    population = whole(POPULATION if population is None else population, "population", 2)
    interval = whole(1 if interval is None else interval, "interval")
    epochs = whole(epochs, "epochs")
    if interval >= epochs:
        raise InvalidInput(
            f"interval is the number of epochs between two exchanges, and of {epochs} epochs none is "
            f"left after {interval}. Write a lower interval, or more epochs. Received: "
            f"interval={interval}, epochs={epochs}."
        )
    return population, interval


def check_space(space: Space) -> None:
    """Refuse what a population can't search: copies need one structure, and a path one schedule.

    Raises:
        InvalidInput: With what to write instead.
    """
    if "learning_rate" not in space.searched:
        raise InvalidInput(
            "A population looks for a path of the learning rate, so the space needs the range that "
            "its members start in: 'learning_rate': keras_lr.LogUniform(1e-3, 1.0). Received: "
            f"{sorted([*space.searched, *space.fixed])}."
        )
    for name, member in space.searched.items():
        if name in ("schedule", "rules") or name in space.parameters:
            raise InvalidInput(
                f"All members of a population share what goes by {name!r}, since what they find is "
                f"one path. Give one value, or none. Received: several for {name!r}."
            )
        if name != "learning_rate" and name not in SCHEDULED:
            raise InvalidInput(
                f"Members of a population are copied to each other, and {name!r} can't change on "
                f"the way: only learning_rate, {', '.join(SCHEDULED)} can. Give {name!r} one value, "
                'or search it with method="search" first.'
            )
        _check_positive(name, member)
    _check_fixed(space)


def _check_positive(name: str, member: Any) -> None:
    values = (member.lo,) if isinstance(member, Uniform) else member.values
    for value in values:
        if not isinstance(value, Real) or isinstance(value, bool) or value <= 0:
            raise InvalidInput(
                f"{name} is multiplied by factors on the way, so a population searches it in "
                f"positive numbers. Received: {name}={value!r}."
            )


def _check_fixed(space: Space) -> None:
    rules = space.fixed["rules"].values[0] if "rules" in space.fixed else ()
    if rules:
        names = ", ".join(type(rule).__name__ for rule in rules)
        raise InvalidInput(
            "In a population the exchange does what rules do: it lowers rates and replaces what "
            f"diverged. Leave 'rules' out of the space. Received: {names}."
        )
    for schedule in space.schedules():
        if schedule is not None and schedule.absolute:
            raise InvalidInput(
                "A population's path multiplies the schedule, so its values have to be factors of "
                f"the rate, not rates. Received: {schedule}."
            )
