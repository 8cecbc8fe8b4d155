"""`--method` and `--engine` of `keras-lr tune`: what goes with which, and what doesn't."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras_lr.cli.options import positive
from keras_lr.errors import InvalidInput


def check_method(method: str, given: Mapping[str, Any]) -> None:
    """Refuse options that are another method's, in the words of the command line.

    Args:
        method: `--method`.
        given: The values of the other options, by `tune`'s argument; defaults too.

    Raises:
        InvalidInput: For the first one, with what to write instead.
    """
    positive("--trials", given["trials"])
    if method == "search":
        for name in ("population", "interval"):
            if given[name] is not None:
                raise InvalidInput(
                    f"--{name} is for a population: add --method pbt. "
                    f"Received: --{name} {given[name]}"
                )
        return
    population, interval, epochs = given["population"], given["interval"], given["epochs"]
    if given["trials"] is not None:
        raise InvalidInput(
            "All members of a population train to the end: write --population in the place of "
            f"--trials. Received: --trials {given['trials']}"
        )
    if population is not None and population < 2:
        raise InvalidInput(
            f"--population is a number of members, at least 2. Received: --population {population}"
        )
    if interval is not None and not 1 <= interval < epochs:
        raise InvalidInput(
            "--interval is the number of epochs between two exchanges, at least 1 and below "
            f"--epochs. Received: --interval {interval} --epochs {epochs}"
        )
    if epochs < 2:
        raise InvalidInput(
            f"A population needs at least 2 epochs, to exchange between. Received: --epochs {epochs}"
        )
    for name, default in (("pruner", "none"), ("horizon", 1.0), ("rules", None)):
        if given[name] != default and given[name] != []:
            raise InvalidInput(
                f"A population does by itself what --{name} does for a search, over all the epochs: "
                f"leave it out. Received: --method pbt --{name} {_shown(given[name])}"
            )
    if given["engine"] == "ray":
        raise InvalidInput(
            "The members of a population are copied to each other, so they train in one place: leave "
            "--engine out. Received: --method pbt --engine ray"
        )
    _check_searched(given)


def _check_searched(given: Mapping[str, Any]) -> None:
    from keras_lr.tuner.population.checks import SCHEDULED

    if len(given["schedule"] or ()) > 1:
        raise InvalidInput(
            "A population looks for one path, which multiplies one --schedule, or none. "
            f"Received: --method pbt --schedule {_shown(given['schedule'])}"
        )
    if any("{" in text for text in given["schedule"] or ()):
        raise InvalidInput(
            "All members of a population share the schedule, so it has no parameters. Received: "
            f"--method pbt --schedule {_shown(given['schedule'])}"
        )
    momentums = given["momentum"] or []
    if len(momentums) > 1 and 0 in momentums:
        raise InvalidInput(
            "A population multiplies the momentum on the way, so the choices are above 0. Received: "
            f"--method pbt --momentum {_shown(momentums)}"
        )
    for name in given["ranges"]:
        if name not in SCHEDULED:
            known = ", ".join(sorted(set(SCHEDULED) - {"momentum"}))
            raise InvalidInput(
                f"{name} can't change on the way, as it would in a population: only the rate, the "
                f"momentum, {known} can. Search it with --method search first, and leave it out here. "
                f"Received: --method pbt --space {name}=..."
            )
    if given["confirm"] and (len(momentums) > 1 or given["ranges"]):
        raise InvalidInput(
            "--confirm trains paths of the rate again, and of nothing else: leave it out, or give "
            f"--momentum one value and no --space. Received: --method pbt --confirm {given['confirm']}"
        )


def population_space(space: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a population starts with: the rate, and of the rest only what was asked for.

    Args:
        space: The space of an ordinary search.
        given: As for `check_method`.
    """
    found = {"learning_rate": space["learning_rate"], **given["ranges"]}
    for name in ("momentum", "schedule"):
        if given[name]:
            one = len(space[name]) == 1
            found[name] = space[name][0] if one else space[name]
    return found


def check_address(engine: str, address: str | None) -> None:
    """Refuse `--address` without the engine that it is for."""
    if address is not None and engine != "ray":
        raise InvalidInput(
            f"--address is a Ray cluster's: add --engine ray. Received: --address {address}"
        )


@contextlib.contextmanager
def cluster(engine: str, address: str | None) -> Iterator[None]:
    """The Ray cluster that `--engine ray` runs on, for as long as the command works."""
    if engine != "ray":
        yield
        return
    from keras_lr.engines.ray.session import session

    with session(address, asked_by="--engine ray"):
        yield


def _shown(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
