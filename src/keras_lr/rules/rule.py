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
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeGuard, runtime_checkable

from keras_lr.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from keras_lr.rate.detection.detector import Test


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

_SINGLE = 2.0**-23
"""The relative distance of two neighbours in single precision."""


@runtime_checkable
class Rule(Protocol):
    """The contract: a frozen dataclass with these, nothing to inherit from.

    Every registered rule passes the suite in `tests/test_rules.py`. What a rule may say beside:
    docs/rules.md, "A rule of your own".
    """

    name: ClassVar[str]
    """The cause of its cuts, in the record."""
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


class InGraphRule(Rule, Protocol):
    """A rule that is decided at each update, inside the compiled training step.

    It says so by `in_graph = True`. In `fit` the step shows its test what it measures and makes the
    cut; `update` isn't asked there. It is what a replay or a custom loop asks, and can be written
    ``return keras_lr.rules.update_in_graph(self, state, observation)``, with ``tested.start()`` in
    `start`. The whole of one stands in docs/rules.md, "A rule inside the step".
    """

    in_graph: ClassVar[bool]
    """`True`."""

    @property
    def monitor(self) -> Literal["distance", "alignment", "norm"]:
        """What is measured.

        `"alignment"`: the cosine between the gradient and the update before it, at each update (NaN
        where there was none). `"distance"`: the squared distance of the weights from where the
        phase began (the run, or the last cut), and `"norm"`: the squared norm of the weights; they
        are sums over all weights, so they are there for `tested.judge` only.
        """
        ...

    @property
    def tested(self) -> "Test":
        """The test: an object with `start()`, `gather`, `due` and `judge`, all pure.

        `start()` gives a frozen dataclass of floats, one of which is `evidence`. The step holds its
        fields as a dictionary of float32 scalars. `gather(state, seen, xp)` gives the state after
        one more update; `due(state, xp)` says whether a verdict is due; where it is,
        `judge(state, seen, xp)` gives the state after it, and whether to cut. `seen` has what
        `monitor` names, `xp` is `keras.ops` or `numpy`; nothing may branch on a value in Python.
        `room(state)`, if there is one, says how many alignments may be gathered before a verdict
        could be due, so that torch needn't wait for each.
        """
        ...

    @property
    def factor(self) -> float:
        """What a cut multiplies the rate by, in (0, 1)."""
        ...

    @property
    def min_rate(self) -> float:
        """base × reduction is never cut below this; 0 for no floor."""
        ...

    @property
    def stride(self) -> int:
        """Updates of which one is measured, for `"alignment"`; 1 for all."""
        ...

    @property
    def needs(self) -> int:
        """Updates of a phase before which it never cuts, at least 1; a shorter fit is warned of."""
        ...

    def told(self, evidence: float) -> str:
        """The reason for a cut in words, from the `evidence` in the state that decided it."""
        ...


def looks_every(rule: Rule) -> int | None:
    """Updates between two looks of `rule`: its `every`; `None` where it looks at epochs' ends."""
    return getattr(rule, "every", None)


def is_in_graph(rule: Rule) -> TypeGuard[InGraphRule]:
    """Whether `rule` is decided inside the compiled step: its `in_graph`; see `InGraphRule`."""
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


def number(value: Any, name: str, *, whole: bool = False, example: Any) -> Any:
    """`value` as a plain Python number, so that a rule's config is JSON; NumPy's are welcome.

    Args:
        value: What was given.
        name: The argument, for errors.
        whole: Whether it counts something.
        example: A value that could be written, for errors.

    Raises:
        InvalidInput: It isn't a finite number (a whole one, with `whole`).
    """
    kind: Any = Integral if whole else Real
    valid: bool = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
    if not valid:
        what = "a whole number" if whole else "a finite number"
        raise InvalidInput(
            f"{name} must be {what}. Received: {name}={value!r}. Write e.g. {name}={example!r}."
        )
    return int(value) if whole else float(value)


def floored(factor: float, rate: float, min_rate: float, eps: float = 0.0) -> float:
    """What to multiply `rate` by so that it doesn't fall below `min_rate`; 1 where nothing is left.

    Args:
        factor: What one would like to multiply it by.
        rate: The present rate.
        min_rate: The lowest allowed.
        eps: A smaller change isn't made; nor is one that single precision, in which optimizers hold
            their rates, can't tell (0.1 is held as a little more, which isn't above a floor of 0.1).

    >>> floored(0.5, 1.0, 0.0), floored(0.5, 1.0, 0.8), floored(0.5, 0.8, 0.8)
    (0.5, 0.8, 1.0)
    """
    after = max(rate * factor, min_rate)
    if rate - after <= max(eps, rate * _SINGLE):
        return 1.0
    return factor if after > min_rate else after / rate
