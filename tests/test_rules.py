"""Rules: the contract that every registered rule passes, and each rule's own promises."""

import json
import math
import types

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.rules import (
    KEEP,
    RULES,
    Divergence,
    Observation,
    Plateau,
    RuleStates,
    deserialize,
    serialize,
    state_from_json,
    state_to_json,
)

finite = st.floats(1e-6, 1e6)
anything = st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf]))


def run(rule, values, rate=1.0, monitor=None):
    """Show a rule one value an epoch; the decisions, and the rate before each epoch."""
    state, decisions, rates = rule.start(), [], []
    for epoch, value in enumerate(values):
        rates.append(rate)
        seen = Observation(epoch + 1, epoch, {monitor or rule.monitor: value}, rate)
        state, decision = rule.update(state, seen)
        rate *= decision.factor
        decisions.append(decision)
    return decisions, rates


class TestContract:
    """Joined by every registered rule."""

    @pytest.fixture(params=sorted(RULES))
    def rule(self, request):
        return RULES[request.param]()

    @settings(max_examples=40, deadline=None)
    @given(values=st.lists(anything, max_size=30))
    def test_pure_finite_and_never_raising_the_rate(self, values):
        for rule in (cls() for cls in RULES.values()):
            first, second = run(rule, values)[0], run(rule, values)[0]
            assert first == second
            for decision in first:
                assert 0 < decision.factor <= 1
                assert decision == KEEP or decision.reason

    @settings(max_examples=40, deadline=None)
    @given(values=st.lists(anything, max_size=30), cut=st.integers(0, 29))
    def test_state_survives_json(self, values, cut):
        for rule in (cls() for cls in RULES.values()):
            state = other = rule.start()
            for epoch, value in enumerate(values):
                seen = Observation(epoch, epoch, {rule.monitor: value})
                state, decision = rule.update(state, seen)
                if epoch == cut:
                    text = json.dumps(state_to_json(other), allow_nan=False)
                    other = state_from_json(rule, json.loads(text))
                other, same = rule.update(other, seen)
                assert (state, decision) == (other, same)

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


class TestPlateau:
    @settings(max_examples=150, deadline=None)
    @given(
        # quarters: exact in the float32 that Keras compares in, and likely to tie
        values=st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=40),
        patience=st.integers(1, 4),
        cooldown=st.integers(0, 4),
        min_delta=st.sampled_from([0.0, 1e-4, 0.5]),
        factor=st.sampled_from([0.1, 0.5]),
        min_lr=st.sampled_from([0.0, 0.02]),
        mode=st.sampled_from(["min", "max"]),
    )
    def test_cuts_where_keras_cuts(
        self, values, patience, cooldown, min_delta, factor, min_lr, mode
    ):
        """The oracle is `keras.callbacks.ReduceLROnPlateau` itself, on the same metric."""
        oracle = keras.callbacks.ReduceLROnPlateau(
            "loss",
            factor,
            patience,
            mode=mode,
            min_delta=min_delta,
            cooldown=cooldown,
            min_lr=min_lr,
        )
        optimizer = types.SimpleNamespace(learning_rate=1.0)
        oracle.set_model(types.SimpleNamespace(optimizer=optimizer, metrics=[]))
        oracle.on_train_begin()
        theirs = []
        for epoch, value in enumerate(values):
            theirs.append(optimizer.learning_rate)
            oracle.on_epoch_end(epoch, {"loss": value})
        rule = Plateau(
            "loss",
            factor=factor,
            patience=patience,
            cooldown=cooldown,
            min_delta=min_delta,
            threshold="absolute",
            min_rate=min_lr,
            mode=mode,
        )
        assert run(rule, values)[1] == pytest.approx(theirs, rel=1e-6)

    def test_constant_metric(self):
        """Patience 2: the first cut at observation 3 (as Keras and optax; torch: 4)."""
        decisions, _ = run(Plateau("loss", patience=2), [1.0] * 6)
        assert [d.factor for d in decisions] == [1, 1, 0.5, 1, 0.5, 1]

    def test_the_relative_threshold_ignores_the_scale(self):
        losses = [1.0, 0.9, 0.8995, 0.8, 0.7, 0.6999, 0.6998, 0.6997]
        rule = Plateau("loss", patience=2)
        expected = [d.factor for d in run(rule, losses)[0]]
        assert min(expected) == 0.5
        for scale in (1e-8, 1e8):
            scaled = [scale * loss for loss in losses]
            assert [d.factor for d in run(rule, scaled)[0]] == expected

    def test_nan_is_no_progress_and_never_cuts(self):
        decisions, _ = run(Plateau("loss", patience=2), [1.0] + [math.nan] * 20)
        assert all(decision == KEEP for decision in decisions)

    def test_min_rate(self):
        _, rates = run(Plateau("loss", patience=1, min_rate=0.2), [1.0] * 6)
        assert rates == [1.0, 1.0, 0.5, 0.25, 0.2, 0.2]

    @pytest.mark.parametrize(
        ("metric", "mode"),
        [
            ("val_loss", "min"),
            ("val_a_loss", "min"),
            ("val_root_mean_squared_error", "min"),
            ("val_accuracy", "max"),
            ("sparse_top_k_categorical_accuracy", "max"),
            ("auc_1", "max"),
            ("mean_io_u", "max"),
            ("cosine_similarity", "max"),
            ("false_positives", "min"),
            ("true_positives", "max"),
            ("kl_divergence", "min"),
            ("poisson", "min"),
        ],
    )
    def test_mode_by_name(self, metric, mode):
        assert Plateau(metric).direction == mode

    def test_a_name_that_does_not_tell(self):
        with pytest.raises(InvalidInput, match=r'mode="min"'):
            Plateau("my_metric")
        assert Plateau("my_metric", mode="max").direction == "max"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"factor": 0},
            {"factor": 1.0},
            {"factor": -1},
            {"factor": math.nan},
            {"patience": 0},
            {"patience": -3},
            {"patience": 2.5},
            {"cooldown": -1},
            {"min_rate": -1},
            {"min_delta": -1e-3},
            {"mode": "down"},
            {"threshold": "rel"},
            {"monitor": None},
        ],
    )
    def test_refuses(self, wrong):
        with pytest.raises(InvalidInput, match="Received"):
            Plateau(**wrong)


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
