"""Rules: the contract that every registered rule passes, and how several work together."""

import dataclasses
import json
import math
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.rules import (
    KEEP,
    RULES,
    Decision,
    Divergence,
    Observation,
    Oscillation,
    Plateau,
    Rule,
    Slope,
    deserialize,
    serialize,
    state_from_json,
    state_to_json,
)
from keras_lr.rules.rule import is_in_graph, keeps_best, looks_every
from keras_lr.rules.states import RuleStates
from rule_runs import run

CASES = [
    *(cls() for cls in RULES.values()),
    Plateau("loss", patience="3 steps", cooldown=1, smoothing=0.9, restore_best=True),
    Plateau("loss", patience="2 looks", cooldown="5 steps", every=5, semantics="torch"),
    Slope("loss", window=10, every=None),
    Oscillation(first=2, growth=1.1),
    Oscillation(test="alignment", chunk=2, chunks=4),
]
anything = st.one_of(
    st.floats(1e-6, 1e6),
    st.floats(),
    st.sampled_from([0.0, 1.0, math.nan, math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324]),
)


def possible(rule, values):
    """The values as `rule` may see them: an alignment is a cosine."""
    cosine = rule.monitor == "alignment"
    return [max(-1.0, min(1.0, value)) for value in values] if cosine else values


class TestContract:
    """Joined by every registered rule, and by some with other settings."""

    @pytest.fixture(params=CASES, ids=lambda rule: f"{rule.name}-{CASES.index(rule)}")
    def rule(self, request):
        return request.param

    @settings(max_examples=30, deadline=None)
    @given(values=st.lists(anything, max_size=30))
    def test_pure_finite_and_never_raising_the_rate(self, values):
        for rule in CASES:
            shown = possible(rule, values)
            first, second = run(rule, shown)[0], run(rule, shown)[0]
            assert first == second
            for decision in first:
                assert 0 < decision.factor <= 1
                assert decision in (KEEP, Decision(improved=True)) or decision.reason

    @settings(max_examples=30, deadline=None)
    @given(values=st.lists(anything, max_size=30), cut=st.integers(0, 29))
    def test_state_survives_json(self, values, cut):
        for rule in CASES:
            state = other = rule.start()
            for epoch, value in enumerate(possible(rule, values)):
                seen = Observation(epoch + 1, epoch, {rule.monitor: value})
                state, decision = rule.update(state, seen)
                if epoch == cut:
                    stored = state_to_json(other)
                    text = json.dumps(stored, allow_nan=False)
                    assert json.loads(text) == stored  # plain values, no tuple, no NumPy
                    other = state_from_json(rule, json.loads(text))
                other, same = rule.update(other, seen)
                assert (state, decision) == (other, same)

    def test_every_rule_cuts_sooner_or_later(self, rule):
        """So that the tests above see cuts of each of them, and not only waiting."""
        values = [1.0] * (600 if is_in_graph(rule) else 90)
        if rule.name == "divergence":
            values += [math.nan]
        if rule.name == "oscillation":  # a distance that stays, or gradients that go back
            values = [1.0 if rule.test == "distance" else -0.5] * 500
        assert any(d.factor < 1 for d in run(rule, values)[0])

    def test_config_round_trip(self, rule):
        assert deserialize(json.loads(json.dumps(serialize(rule)))) == rule

    def test_a_metric_that_is_missing_changes_nothing(self, rule):
        state, decision = rule.update(rule.start(), Observation(1, 0, {"other": 1.0}))
        assert (state, decision) == (rule.start(), KEEP)

    def test_frozen(self, rule):
        with pytest.raises(AttributeError):
            rule.monitor = "other"


def test_numbers_of_numpy_are_numbers():
    rule = Plateau(patience=np.int64(2), factor=np.float32(0.5), min_delta=np.float64(0))
    assert rule == Plateau(patience=2, factor=0.5, min_delta=0.0)
    json.dumps(serialize(rule))
    assert Divergence(factor=np.float32(0.5), max_rollbacks=np.int8(1)).max_rollbacks == 1


def test_a_config_is_a_dictionary():
    with pytest.raises(InvalidInput, match="dictionary"):
        deserialize(5)


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'plateau'"):
        deserialize({"name": "plato"})
    with pytest.raises(InvalidInput, match="Did you mean 'patience'"):
        deserialize({"name": "plateau", "patiense": 3})


@dataclasses.dataclass(frozen=True)
class HalveAt:
    """A rule of a user's own: nothing registered, nothing inherited."""

    epoch: int

    name: ClassVar[str] = "halve_at"
    restores: ClassVar[bool] = False
    monitor: ClassVar[str] = "loss"

    def start(self):
        return None

    def update(self, state, observation):
        due = observation.epoch == self.epoch
        return state, Decision(0.5, reason=f"epoch {self.epoch}") if due else KEEP


class TestOnesOwn:
    def test_it_is_a_rule_with_the_defaults_of_what_it_does_not_say(self):
        rule = HalveAt(2)
        assert isinstance(rule, Rule)
        assert (looks_every(rule), is_in_graph(rule), keeps_best(rule)) == (None, False, False)

    def test_it_works_beside_others(self):
        states = RuleStates.start((HalveAt(1), Plateau("loss", patience=1)))
        for epoch in range(2):
            states, _ = states.update(Observation(epoch + 1, epoch, {"loss": 1.0}))
        assert states.factors == (0.5, 0.5)

    def test_a_validation_metric_in_mid_epoch_is_refused(self):
        class Between(HalveAt):
            every: ClassVar[int] = 10
            monitor: ClassVar[str] = "val_loss"

        with pytest.raises(InvalidInput, match="comes once an epoch"):
            RuleStates.start((Between(1),))


class TestWhoIsShownWhat:
    rules = (
        Plateau("loss", patience=1),
        Plateau("loss", patience="1 look", every=10),
        Plateau("loss", patience="1 look", every=20),
        Oscillation(),
    )

    @pytest.mark.parametrize(("every", "shown"), [(None, 0), (10, 1), (20, 2)])
    def test_each_its_own(self, every, shown):
        states = start = RuleStates.start(self.rules)
        assert states.looks == (10, 20)
        for step in (20, 40):
            states, _ = states.update(Observation(step, 0, {"loss": 1.0}), every=every)
        factors = [0.5 if index == shown else 1.0 for index in range(4)]
        assert list(states.factors) == factors
        changed = [a != b for a, b in zip(states.states, start.states, strict=True)]
        assert changed.index(True) == shown
        assert sum(changed) == 1


class TestTogether:
    def test_the_reduction_is_the_product(self):
        states = RuleStates.start((Plateau("loss", patience=1), Plateau("mae", patience=1)))
        for epoch in range(3):
            states, _ = states.update(Observation(epoch, epoch, {"loss": 1.0, "mae": 1.0}))
        assert states.factors == (0.25, 0.25)
        assert states.reduction == 0.0625

    def test_floors_hold_when_two_cut_at_once(self):
        rules = tuple(Plateau(name, patience=1, min_rate=0.4) for name in ("loss", "mae"))
        states, rate = RuleStates.start(rules), 1.0
        for epoch in range(5):
            states, decisions = states.update(
                Observation(epoch, epoch, {"loss": 1.0, "mae": 1.0}, rate)
            )
            rate *= math.prod(decision.factor for _, decision in decisions)
        assert rate == pytest.approx(0.4)

    def test_after_a_rollback_nobody_else_sees_the_observation(self):
        states = RuleStates.start((Plateau("loss", patience=1), Divergence()))
        for epoch, loss in enumerate([1.0, 50.0]):
            states, decisions = states.update(Observation(epoch, epoch, {"loss": loss}))
        assert [rule.name for rule, _ in decisions] == ["divergence"]
        assert states.states[0].wait == 0
