"""Rules of a user's own that are decided inside the compiled step."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from keras_lr import replay, rules
from keras_lr.callbacks import LearningRate
from keras_lr.errors import InvalidInput
from oscillating import Alignments, Distances, Weights, expected_cuts, linear, noisy, optimizer


@dataclass(frozen=True)
class Streak:
    wait: float = 0.0
    evidence: float = 0.0


@dataclass(frozen=True)
class BackAndForth:
    """Cut when so many gradients in a row take the last update back."""

    updates: int = 5
    factor: float = 0.5
    min_rate: float = 0.0
    monitor: str = "alignment"
    stride: int = 1
    name: ClassVar[str] = "back_and_forth"
    restores: ClassVar[bool] = False
    in_graph: ClassVar[bool] = True

    @property
    def needs(self):
        return self.updates

    @property
    def tested(self):
        return self  # its own test

    def start(self):
        return Streak()

    def gather(self, state, seen, xp):
        back = seen["alignment"] < 0
        return {**state, "wait": xp.where(back, state["wait"] + 1.0, 0.0)}

    def due(self, state, xp):
        return state["wait"] >= float(self.updates)

    def judge(self, state, seen, xp):
        return {"wait": 0.0, "evidence": state["wait"]}, state["wait"] > 0

    def told(self, evidence):
        return f"{evidence:.0f} gradients in a row took the update back"

    def update(self, state, observation):
        return rules.update_in_graph(self, state, observation)


@dataclass(frozen=True)
class Far(BackAndForth):
    """Cut at the first update after which the weights are further away than allowed."""

    allowed: float = 0.5
    monitor: str = "distance"
    name: ClassVar[str] = "far"

    def gather(self, state, seen, xp):
        return {**state, "wait": state["wait"] + 1.0}

    def judge(self, state, seen, xp):
        return {"wait": 0.0, "evidence": seen["distance"]}, seen["distance"] > self.allowed


@dataclass(frozen=True)
class Large(Far):
    """Cut when the norm of the weights is above a limit."""

    monitor: str = "norm"

    def judge(self, state, seen, xp):
        return {"wait": 0.0, "evidence": seen["norm"]}, seen["norm"] > self.allowed


class Norms(Distances):
    def __call__(self, update, began):
        return float(np.sum(self.weights[update] ** 2))


MEASURED = {
    "alignment": lambda seen: Alignments(seen, *noisy(), batch_size=8),
    "distance": Distances,
    "norm": Norms,
}


@pytest.mark.parametrize(
    "rule", [BackAndForth(), Far(min_rate=0.02), Large(updates=40)], ids=lambda rule: rule.monitor
)
def test_a_fit_cuts_where_its_update_does(rule):
    weights, (x, y) = Weights(), noisy()
    callback = LearningRate(rules=[rule])
    model = linear(optimizer("sgd"))
    model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[callback, weights])
    expected = expected_cuts(rule, 0.15, MEASURED[rule.monitor](weights.seen))
    assert len(expected) >= 2
    found = [(event.step, event.rate) for event in callback.record.events]
    assert [step for step, _ in found] == [step for step, _ in expected]
    np.testing.assert_allclose([rate for _, rate in found], [rate for _, rate in expected], 1e-6)
    event = callback.record.events[0]
    assert event.cause == rule.name
    assert "in a row" in event.reason


def test_it_is_replayed():
    log = {"alignment": [0.5, *[-0.1] * 5, 0.1, *[-0.1] * 4, 0.3, *[-0.1] * 5]}
    found = replay(BackAndForth(), log, rows="step")
    assert [(cut.step, cut.reason[:2]) for cut in found.cuts] == [(6, "5 "), (17, "5 ")]


def test_it_has_what_the_protocol_says():
    needed = set(vars(rules.InGraphRule)["__annotations__"]) | {
        name for name, each in vars(rules.InGraphRule).items() if isinstance(each, property)
    }
    assert needed == {"in_graph", "monitor", "tested", "factor", "min_rate", "stride", "needs"}
    assert all(hasattr(BackAndForth(), name) for name in needed)


@dataclass(frozen=True)
class OnlyFormula:
    """What docs and docstrings once promised to be enough."""

    name: ClassVar[str] = "only_formula"
    restores: ClassVar[bool] = False
    monitor: ClassVar[str] = "distance"
    in_graph: ClassVar[bool] = True

    def start(self):
        return Streak()

    def update(self, state, observation):
        return state, rules.KEEP

    def formula(self, state, seen, xp):
        return state, seen["distance"] > 1


def changed(**fields):
    """`BackAndForth` with other attributes."""
    made = dataclasses.make_dataclass(
        "Own", [], bases=(BackAndForth,), frozen=True, namespace=fields
    )
    return made()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            OnlyFormula(),
            "no factor, no min_rate, no stride, no needs, no tested, no told.*InGraphRule",
        ),
        (
            changed(tested=Streak()),
            "no tested.start, no tested.gather, no tested.due, no tested.judge",
        ),
        (changed(start=lambda self: 0.0), "frozen dataclass of floats, .*evidence"),
        (BackAndForth(monitor="loss"), "no metric is known.*'loss'"),
        (BackAndForth(factor=2.0), r"in \(0, 1\).*Write e.g. factor=0.5"),
        (BackAndForth(min_rate=-1.0), "at least 0.*Write e.g. min_rate=0"),
        (BackAndForth(stride=0), "at least 1.*Write e.g. stride=1"),
        (BackAndForth(updates=0.5), "whole number.*Write e.g. needs=1"),
        (BackAndForth(updates=0), "at least 1.*Write e.g. needs=1"),
    ],
)
@pytest.mark.parametrize(
    "hand",
    [
        lambda rule: LearningRate(rules=[rule]),
        lambda rule: replay(rule, {"alignment": [0.1, 0.1]}, rows="step"),
    ],
    ids=["LearningRate", "replay"],
)
def test_what_the_step_could_not_use_is_refused_before(rule, message, hand):
    with pytest.raises(InvalidInput, match=message):
        hand(rule)
