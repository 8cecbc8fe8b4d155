"""Divergence: NaN, inf, spikes, and weights that are not finite; at epochs' ends and inside them."""

import math

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.rules import KEEP, Divergence, Observation, Plateau
from keras_lr.rules.states import RuleStates
from rule_runs import run


class TestDivergence:
    @pytest.mark.parametrize("bad", [math.nan, math.inf, 11.0])
    def test_rolls_back_and_cuts(self, bad):
        decisions, _ = run(Divergence(), [1.0, bad, 1.0])
        assert [d.rollback for d in decisions] == [False, True, False]
        assert [d.factor for d in decisions] == [1, 0.5, 1]

    def test_gives_up(self):
        decisions, _ = run(Divergence(max_rollbacks=2), [math.nan] * 3)
        assert [d.give_up for d in decisions] == [False, False, True]
        assert "after 2 rollbacks" in decisions[-1].reason

    def test_weights_that_are_not_finite(self):
        rule = Divergence()
        _, decision = rule.update(rule.start(), Observation(1, 0, {"loss": 1.0}, finite=False))
        assert decision.rollback

    @pytest.mark.parametrize(("loss", "rollback"), [(150.0, False), (250.0, True)])
    def test_the_first_epoch_is_compared_with_the_first_batch(self, loss, rollback):
        rule = Divergence(spike=10.0)
        state, first = rule.update(rule.start(), Observation(0, -1, {"loss": 2.0}))
        _, decision = rule.update(state, Observation(9, 0, {"loss": loss}))
        assert first == KEEP
        assert decision.rollback == rollback

    def test_no_spike(self):
        assert all(d == KEEP for d in run(Divergence(spike=None), [1.0, 1e6])[0])

    def test_a_loss_that_may_be_negative_has_no_spike(self):
        assert all(d == KEEP for d in run(Divergence(), [-5.0, -1.0, 3.0])[0])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"factor": 1},
            {"spike": 1.0},
            {"spike": math.nan},
            {"max_rollbacks": -1},
            {"monitor": ""},
        ],
    )
    def test_refuses(self, wrong):
        with pytest.raises(InvalidInput, match="Received"):
            Divergence(**wrong)


class TestInsideAnEpoch:
    """What `RuleStates.look` shows: a moment, of which only what isn't finite counts."""

    states = RuleStates.start((Divergence(max_rollbacks=2), Plateau("loss", patience=1)))

    @pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
    def test_a_loss_that_is_not_finite(self, loss):
        after, decisions = self.states.look(Observation(7, 0, {"loss": loss, "mae": 1.0}, 0.1))
        [(rule, decision)] = decisions
        assert (rule.name, decision.rollback, decision.factor) == ("divergence", True, 0.5)
        assert after.factors == (0.5, 1.0)
        assert after.states[1] == self.states.states[1]

    def test_weights_that_are_not_finite(self):
        after, decisions = self.states.look(Observation(7, 0, {}, 0.1, finite=False))
        assert decisions[0][1].rollback
        assert "weight" in decisions[0][1].reason
        assert after.states[0].rollbacks == 1

    @pytest.mark.parametrize("loss", [0.1, 1e9])
    def test_what_is_finite_changes_nothing(self, loss):
        assert self.states.look(Observation(7, 0, {"loss": loss})) == (self.states, [])

    def test_another_metric_that_is_nan_is_not_its_business(self):
        _, decisions = self.states.look(Observation(7, 0, {"auc": math.nan}))
        assert decisions == []

    def test_at_most_so_many_times(self):
        states, gave_up = self.states, []
        for step in range(3):
            states, [(_, decision)] = states.look(Observation(step, 0, {"loss": math.nan}))
            gave_up.append(decision.give_up)
        assert gave_up == [False, False, True]

    def test_a_part_of_an_epoch_is_not_a_best_value(self):
        """A running mean of 0.01 after three batches must not make 0.5 a spike."""
        states, _ = self.states.look(Observation(3, 0, {"loss": 0.01}))
        states, decisions = states.update(Observation(9, 0, {"loss": 0.5}))
        assert decisions == []
