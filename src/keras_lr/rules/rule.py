"""What a rule is: a pure state machine from observations to a factor of the rate.

A rule knows neither Keras nor a backend. It is a frozen dataclass of settings with two functions:
`start()` gives its first state, `update(state, observation)` the next state and a `Decision`. A
state is a frozen dataclass of plain values, so it can be stored as JSON, and the same rule drives
`model.fit`, a custom loop, the trials of a study, or a replay over a finished history.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, runtime_checkable

from keras_lr.errors import InvalidInput, nearest


@dataclass(frozen=True)
class Observation:
    """What a rule sees at the end of an epoch.

    Args:
        step: Updates of the weights so far in this run.
        epoch: Epochs finished before this one (the first epoch is 0). Rules that restore are shown
            the first batch too, as epoch -1, so that even the first epoch has a past.
        values: The epoch's logs: metric name to value.
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
    """

    factor: float = 1.0
    rollback: bool = False
    give_up: bool = False
    reason: str = ""


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
    return asdict(state)


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


@dataclass(frozen=True)
class RuleStates:
    """The states of several rules side by side, and the product of their factors.

    Args:
        rules: The rules, in the order in which they observe.
        states: One state a rule.
        factors: What each rule has multiplied the rate by so far.
    """

    rules: tuple[Rule, ...]
    states: tuple[Any, ...]
    factors: tuple[float, ...] = ()

    @classmethod
    def start(cls, rules: tuple[Rule, ...]) -> "RuleStates":
        """The states before the first observation."""
        return cls(rules, tuple(rule.start() for rule in rules), (1.0,) * len(rules))

    @property
    def reduction(self) -> float:
        """The product of the rules' factors."""
        return math.prod(self.factors)

    def begin(self, first_batch: Observation) -> "RuleStates":
        """Show the first batch to the rules that restore; nothing is decided by it."""
        states = tuple(
            rule.update(state, first_batch)[0] if rule.restores else state
            for rule, state in zip(self.rules, self.states, strict=True)
        )
        return RuleStates(self.rules, states, self.factors)

    def update(self, observation: Observation) -> tuple["RuleStates", list[tuple[Rule, Decision]]]:
        """Show every rule the same observation; returns the decisions that do something.

        Each rule sees the rate as the rules before it left it, so two rules that cut at once
        respect each other's floor. After a rollback the later rules don't see the observation:
        it was made on weights that no longer exist.
        """
        states, factors, rate = list(self.states), list(self.factors), observation.rate
        decisions: list[tuple[Rule, Decision]] = []
        ordered = sorted(range(len(self.rules)), key=lambda i: not self.rules[i].restores)
        for index in ordered:
            rule = self.rules[index]
            states[index], decision = rule.update(states[index], replace(observation, rate=rate))
            if decision == KEEP:
                continue
            factors[index] *= decision.factor
            rate *= decision.factor
            decisions.append((rule, decision))
            if decision.rollback or decision.give_up:
                break
        return RuleStates(self.rules, tuple(states), tuple(factors)), decisions
