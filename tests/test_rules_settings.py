"""What settings and rules are refused, each time with the line to write; and what they share."""

import dataclasses
import inspect
import re
from typing import ClassVar

import numpy as np
import pytest

from keras_lr import replay, rules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from keras_lr.rules import Divergence, Observation, Oscillation, Plateau, Slope
from keras_lr.rules.rule import RULES, Rule

WRONG = [
    *((cls, {"factor": factor}) for cls in RULES.values() for factor in (0, 1, "half", True)),
    *((cls, {"min_rate": rate}) for cls in RULES.values() for rate in (-1, float("nan"))),
    *((Plateau, {name: -1}) for name in ("patience", "cooldown", "min_delta", "eps", "smoothing")),
    *((Plateau, {name: "much"}) for name in ("threshold", "mode", "semantics", "restore_best")),
    *((Slope, {name: 2}) for name in ("window", "probability", "discard")),
    (Slope, {"mode": "both"}),
    (Divergence, {"spike": 1}),
    (Divergence, {"max_rollbacks": 0.5}),
    (Divergence, {"max_rollbacks": -1}),
    *((Oscillation, {name: 0}) for name in ("slope", "first", "growth", "chunk", "stride")),
    (Oscillation, {"chunks": 5}),
    (Oscillation, {"width": -1}),
    *((cls, {"every": every}) for cls in (Plateau, Slope) for every in (0, 2.5, "1 epoch", True)),
]


@pytest.mark.parametrize(("cls", "wrong"), WRONG, ids=lambda each: getattr(each, "name", None))
def test_an_error_has_the_line_to_write_and_it_works(cls, wrong):
    [name] = wrong
    first = {} if cls is Oscillation else {"monitor": "loss"}
    first |= {"patience": "5 looks"} if cls is Plateau and name == "every" else {}
    with pytest.raises(InvalidInput, match=f"Received: {name}=") as caught:
        cls(**first, **wrong)
    line = re.search(r"Write e\.g\. (.*)\.$", str(caught.value))
    assert line is not None
    eval(f"cls(**first, {line[1]})", {"cls": cls, "first": first})


@pytest.mark.parametrize("cls", RULES.values(), ids=RULES)
def test_arguments_are_alike(cls):
    """What is watched and the factor stand first; everything after them is named."""
    given = list(inspect.signature(cls).parameters.values())
    assert [each.name for each in given[:2]] == [
        ("test" if cls is Oscillation else "monitor"),
        "factor",
    ]
    assert {each.kind for each in given[2:]} == {inspect.Parameter.KEYWORD_ONLY}
    assert cls().min_rate == 0.0
    assert "Source:" in cls.__doc__


def test_torchs_threshold_is_min_delta_here():
    with pytest.raises(InvalidInput, match=r"threshold_mode.*write min_delta=0\.0001\.$"):
        Plateau("loss", threshold=1e-4)


def test_oscillation_watches_no_metric():
    with pytest.raises(InvalidInput, match=r"no metric.*'distance'.*'alignment'.*Plateau or Slope"):
        Oscillation("loss")


def test_every_counts_updates():
    with pytest.raises(
        InvalidInput, match="number of updates, at least 1, or None for epochs' ends"
    ):
        Slope(every="1 epoch")
    assert Slope(every=np.int64(7)).every == 7


def test_divergence_has_a_floor_and_rolls_back_there_too():
    rule, rate, seen = Divergence(min_rate=0.4), 1.0, []
    state = rule.start()
    for step in range(3):
        bad = Observation(step, step, {"loss": float("nan")}, rate)
        state, decision = rule.update(state, bad)
        rate *= decision.factor
        seen.append((decision.rollback, rate))
    assert seen == [(True, 0.5), (True, 0.4), (True, 0.4)]


@pytest.mark.parametrize("cls", [Plateau, Slope, Divergence])
def test_a_rate_that_is_held_in_single_precision_is_at_its_floor(cls):
    """No cut from 0.10000000149 to 0.1, again and again."""
    held = float(np.float32(0.1))
    rule = cls("loss", min_rate=0.1, **({"every": None} if cls is Slope else {}))
    state, factors = rule.start(), set()
    for epoch in range(60):
        loss = float("nan") if cls is Divergence else 1.0
        state, decision = rule.update(state, Observation(epoch, epoch, {"loss": loss}, held))
        factors.add(decision.factor)
    assert factors == {1.0}


def test_what_is_public():
    """What only the library itself asks of rules isn't."""
    inner = {"looks_every", "keeps_best", "is_in_graph", "RuleStates"}
    assert inner.isdisjoint(rules.__all__)
    assert {"InGraphRule", "state_to_json", "update_in_graph"} <= set(rules.__all__)


class Own:
    """What a rule of one's own has, before it is a dataclass."""

    name: ClassVar[str] = "own"
    restores: ClassVar[bool] = False
    monitor: ClassVar[str] = "loss"

    def start(self):
        return None

    def update(self, state, observation):
        return state, rules.KEEP


@dataclasses.dataclass
class Mutable(Own):
    factor: float = 0.5


@dataclasses.dataclass(frozen=True)
class Listed(Own):
    epochs: list[int] = dataclasses.field(default_factory=lambda: [3, 5])


@dataclasses.dataclass(frozen=True)
class Nameless:
    monitor: str = "loss"

    def update(self, state, observation):
        return state, rules.KEEP


@dataclasses.dataclass(frozen=True)
class Fine(Own):
    epochs: tuple[int, ...] = (3, 5)


HANDS = {
    "LearningRate": lambda rule: LearningRate(rules=[rule]),
    "replay": lambda rule: replay(rule, {"loss": [1.0, 1.0]}),
    "together": lambda rule: replay([Plateau("loss"), rule], {"loss": [1.0, 1.0]}),
}


@pytest.mark.parametrize("hand", HANDS.values(), ids=HANDS)
class TestWhatIsNoRule:
    @pytest.mark.parametrize("rule", [Own(), Mutable()])
    def test_not_frozen(self, hand, rule):
        assert isinstance(rule, Rule)
        line = rf"@dataclasses.dataclass\(frozen=True\) above class {type(rule).__name__}"
        with pytest.raises(InvalidInput, match=line):
            hand(rule)

    def test_settings_that_can_change(self, hand):
        with pytest.raises(
            InvalidInput, match=r"tuple where one is a list.*Listed\(epochs=\[3, 5\]"
        ):
            hand(Listed())

    def test_parts_that_are_missing(self, hand):
        with pytest.raises(
            InvalidInput, match=r"Nameless is no rule yet: it has no name, no rest.*no start"
        ):
            hand(Nameless())

    @pytest.mark.parametrize("other", [Plateau, "plateau", 5, None])
    def test_something_else(self, hand, other):
        with pytest.raises(InvalidInput, match=r"must be rule objects.*Write e\.g\. .*Plateau\("):
            hand(other)

    def test_one_that_is(self, hand):
        hand(Fine())
