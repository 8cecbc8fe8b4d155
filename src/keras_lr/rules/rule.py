"""What a rule is: a pure state machine from observations to a factor of the rate.

A rule knows neither Keras nor a backend. It is a frozen dataclass of settings with two functions:
`start()` gives its first state, `update(state, observation)` the next state and a `Decision`. A
state is a frozen dataclass of plain values, so it can be stored as JSON, and the same rule drives
`model.fit`, a custom loop, the trials of a study, or a replay over a finished history.

What a rule may say of itself beside that has a default, so that a rule of one's own needs none of
it: how often it looks (`looks_every`), whether it is decided inside the compiled step
(`is_in_graph`), whether it goes back to its best state (`keeps_best`).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, runtime_checkable

from keras_lr.errors import InvalidInput, nearest


@dataclass(frozen=True)
class Observation:
    """What a rule sees in one look: at the end of an epoch, or after every so many updates.

    Args:
        step: Updates of the weights so far in this run.
        epoch: Epochs finished before this one (the first epoch is 0). Rules that restore are shown
            the first batch too, as epoch -1, so that even the first epoch has a past.
        values: Metric name to value: the epoch's logs, or for a rule with `every` the mean of each
            training metric over the updates since its last look.
        rate: base × reduction, the settable part of the rate (the schedule not included).
        finite: Whether the weights are finite; an epoch's mean loss can still be, when the last
            update of the epoch is the one that broke them.
    """

    step: int
    epoch: int
    values: Mapping[str, float]
    rate: float = 1.0
    finite: bool = True


@dataclass(frozen=True)
class Decision:
    """What a rule wants done.

    Args:
        factor: Multiply the reduction by this; 1 leaves it.
        rollback: First restore the last good weights and optimizer state.
        give_up: Restore the last good state and end the run with `TrainingDiverged`.
        reason: Cause and evidence, for the record and the log.
        restore_best: First restore the best state that this rule has seen.
        improved: The present state is that best one; only a rule that may restore it says so.
    """

    factor: float = 1.0
    rollback: bool = False
    give_up: bool = False
    reason: str = ""
    restore_best: bool = False
    improved: bool = False


KEEP = Decision()


@runtime_checkable
class Rule(Protocol):
    """The contract; every registered rule passes the suite in `tests/test_rules.py`."""

    name: ClassVar[str]
    restores: ClassVar[bool]
    """Whether the rule may ask for a rollback, so that good states must be kept."""

    @property
    def monitor(self) -> str:
        """The metric it watches."""
        ...

    def start(self) -> Any:
        """Its first state."""
        ...

    def update(self, state: Any, observation: Observation) -> tuple[Any, Decision]:
        """The next state, and what to do."""
        ...


def looks_every(rule: Rule) -> int | None:
    """Updates between two looks of `rule`: its `every`; `None` where it looks at epochs' ends."""
    return getattr(rule, "every", None)


def is_in_graph(rule: Rule) -> bool:
    """Whether `rule` is decided inside the compiled step, by its `formula` (its `in_graph`)."""
    return bool(getattr(rule, "in_graph", False))


def keeps_best(rule: Rule) -> bool:
    """Whether `rule` may go back to the best state that it has seen (its `restore_best`)."""
    return bool(getattr(rule, "restore_best", False))


RULES: dict[str, type] = {}
"""Registered rules by name."""


def register(rule: type) -> type:
    """Make a rule known by its `name`: to configs, the tuner, and the contract suite."""
    RULES[rule.name] = rule
    return rule


def serialize(rule: Rule) -> dict[str, Any]:
    """A rule as a plain dictionary; `deserialize` is the way back."""
    return {"name": rule.name, **asdict(rule)}  # type: ignore[call-overload]


def deserialize(config: Mapping[str, Any]) -> Rule:
    """A rule from the dictionary that `serialize` gave."""
    if not isinstance(config, Mapping):
        raise InvalidInput(
            "A rule's config is a dictionary such as {'name': 'plateau', 'patience': 3}. "
            f"Received: {config!r}."
        )
    settings = dict(config)
    name = settings.pop("name", None)
    if name not in RULES:
        raise InvalidInput(f"Unknown rule {name!r}. {nearest(str(name), RULES)}")
    known = {f.name for f in fields(RULES[name])}
    for key in settings:
        if key not in known:
            raise InvalidInput(f"Rule {name!r} has no setting {key!r}. {nearest(key, known)}")
    return RULES[name](**settings)


def state_to_json(state: Any) -> dict[str, Any]:
    """A rule's state as a plain dictionary (NaN and inf never occur in one)."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(state).items()
    }


def state_from_json(rule: Rule, stored: Mapping[str, Any]) -> Any:
    """A rule's state from the dictionary that `state_to_json` gave."""
    return type(rule.start())(**stored)


def number(value: Any, name: str, *, whole: bool = False) -> Any:
    """`value` as a plain Python number, so that a rule's config is JSON; NumPy's are welcome.

    Raises:
        InvalidInput: It isn't a finite number (a whole one, with `whole`).
    """
    kind: Any = Integral if whole else Real
    valid: bool = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
    if not valid:
        what = "a whole number" if whole else "a finite number"
        raise InvalidInput(f"{name} must be {what}. Received: {name}={value!r}.")
    return int(value) if whole else float(value)


def floored(factor: float, rate: float, min_rate: float, eps: float = 0.0) -> float:
    """What to multiply `rate` by so that it doesn't fall below `min_rate`; 1 where nothing is left.

    Args:
        factor: What one would like to multiply it by.
        rate: The present rate.
        min_rate: The lowest allowed.
        eps: A smaller change isn't made.

    >>> floored(0.5, 1.0, 0.0), floored(0.5, 1.0, 0.8), floored(0.5, 0.8, 0.8)
    (0.5, 0.8, 1.0)
    """
    after = max(rate * factor, min_rate)
    if rate - after <= eps:
        return 1.0
    return factor if after > min_rate else after / rate
