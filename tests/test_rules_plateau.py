"""Plateau: Keras's, torch's and optax's counting, thresholds, smoothing, time in updates."""

import math
import types

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.rules import KEEP, Observation, Plateau
from keras_lr.rules.states import RuleStates
from rule_runs import cut_epochs, run

# quarters: exact in the float32 that Keras and optax compare in, and likely to tie
quarters = st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=40)


class TestPlateau:
    @settings(max_examples=150, deadline=None)
    @given(
        values=quarters,
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
            {"smoothing": 1.0},
            {"smoothing": -0.1},
            {"eps": -1e-8},
            {"semantics": "pytorch"},
            {"restore_best": 1},
            {"every": 0, "monitor": "loss", "patience": "3 looks"},
            {"every": 2.5, "monitor": "loss", "patience": "3 looks"},
            {"patience": "5%"},
            {"patience": "100 samples"},
            {"patience": "soon"},
            {"patience": "0.5 epochs"},
            {"patience": "0 steps"},
            {"patience": "3 looks"},
            {"patience": True},
            {"threshold": "rel"},
            {"monitor": None},
        ],
    )
    def test_refuses(self, wrong):
        with pytest.raises(InvalidInput, match="Received"):
            Plateau(**wrong)


class TestPeers:
    @settings(max_examples=150, deadline=None)
    @given(
        values=st.lists(st.integers(-6, 6).map(lambda n: n / 4), min_size=1, max_size=40),
        patience=st.integers(0, 4),
        cooldown=st.integers(0, 4),
        threshold=st.sampled_from([0.0, 1e-4, 0.3]),
        relative=st.booleans(),
        min_lr=st.sampled_from([0.0, 0.02]),
        eps=st.sampled_from([1e-8, 0.1]),
        mode=st.sampled_from(["min", "max"]),
    )
    def test_cuts_where_torch_cuts(
        self, values, patience, cooldown, threshold, relative, min_lr, eps, mode
    ):
        """The oracle is `torch.optim.lr_scheduler.ReduceLROnPlateau`, negative metrics too."""
        torch = pytest.importorskip("torch", reason="the oracle is torch's own scheduler")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode=mode,
            factor=0.5,
            patience=patience,
            threshold=threshold,
            threshold_mode="rel" if relative else "abs",
            cooldown=cooldown,
            min_lr=min_lr,
            eps=eps,
        )
        theirs = []
        for value in values:
            theirs.append(optimizer.param_groups[0]["lr"])
            oracle.step(value)
        rule = Plateau(
            "loss",
            semantics="torch",
            patience=patience,
            min_delta=threshold,
            threshold="relative" if relative else "absolute",
            cooldown=cooldown,
            min_rate=min_lr,
            eps=eps,
            mode=mode,
        )
        assert run(rule, values)[1] == theirs

    @settings(max_examples=30, deadline=None)
    @given(
        values=quarters,
        patience=st.integers(1, 4),
        cooldown=st.integers(0, 3),
        relative=st.booleans(),
    )
    def test_cuts_where_optax_cuts(self, values, patience, cooldown, relative):
        """optax doesn't count the look that ends a cooldown, so its cooldown of c is ours of c + 1."""
        contrib = pytest.importorskip("optax.contrib", reason="the oracle is optax's own")
        oracle = contrib.reduce_on_plateau(
            factor=0.5,
            patience=patience,
            cooldown=cooldown,
            rtol=0.125 if relative else 0.0,
            atol=0.0 if relative else 0.25,
        )
        import jax

        grad = np.float32(1)
        update = jax.jit(lambda value, state: oracle.update(grad, state, value=value))
        state, theirs = oracle.init(grad), []
        for value in values:
            theirs.append(float(state.scale))
            _, state = update(np.float32(value), state)
        rule = Plateau(
            "loss",
            patience=patience,
            cooldown=cooldown + 1 if cooldown else 0,
            min_delta=0.125 if relative else 0.25,
            threshold="relative" if relative else "absolute",
        )
        assert run(rule, values)[1] == theirs

    def test_periods(self):
        """Patience 2, cooldown 2, a constant metric: cuts 3 looks apart in Keras, 5 in torch."""
        same = [1.0] * 20
        ours = Plateau("loss", patience=2, cooldown=2)
        assert np.diff(cut_epochs(ours, same)).tolist() == [3] * 5
        torch = Plateau("loss", patience=2, cooldown=2, semantics="torch")
        assert cut_epochs(torch, same)[0] == 3
        assert np.diff(cut_epochs(torch, same)).tolist() == [5] * 3


class TestSmoothing:
    def test_is_the_bias_corrected_average(self):
        """Against the textbook form, which starts from 0 and is divided by 1 − sⁿ."""
        values, s = [3.0, 1.0, 2.0, 5.0, 0.5], 0.8
        rule, state, raw = Plateau("loss", smoothing=s, patience=9), None, 0.0
        state = rule.start()
        for n, value in enumerate(values, start=1):
            state, _ = rule.update(state, Observation(n, n - 1, {"loss": value}))
            raw = s * raw + (1 - s) * value
            assert state.mean == pytest.approx(raw / (1 - s**n), rel=1e-12)

    def test_a_lucky_value_does_not_hold_up_a_cut(self):
        """One low outlier is the best for ever without smoothing, and hardly counts with it."""
        values = np.linspace(1.0, 0.5, 30)
        values[10] = 0.4
        assert cut_epochs(Plateau("loss", patience=8), values)
        assert not cut_epochs(Plateau("loss", patience=8, smoothing=0.9), values)

    def test_a_nan_does_not_poison_it(self):
        rule = Plateau("loss", smoothing=0.9, patience=9)
        state = rule.start()
        for epoch, value in enumerate([1.0, math.nan, 0.5]):
            state, _ = rule.update(state, Observation(epoch, epoch, {"loss": value}))
        assert state.seen == 2
        assert 0.5 < state.best < 1.0


class TestTime:
    @settings(max_examples=60, deadline=None)
    @given(values=quarters, patience=st.integers(1, 4), cooldown=st.integers(0, 3))
    def test_updates_are_epochs_of_that_many(self, values, patience, cooldown):
        plain = Plateau("loss", patience=patience, cooldown=cooldown)
        for text in ("{} epochs", "{} steps"):
            size = 7 if "steps" in text else 1
            rule = Plateau(
                "loss", patience=text.format(patience * size), cooldown=text.format(cooldown * size)
            )
            assert cut_epochs(rule, values, steps=7) == cut_epochs(plain, values)

    def test_a_patience_in_updates_that_is_no_whole_epoch_is_rounded_up(self):
        rule = Plateau("loss", patience="250 steps")
        assert cut_epochs(rule, [1.0] * 8, steps=100) == [3, 6]

    def test_whole_epochs_have_one_form(self):
        assert Plateau(patience="3 epochs", cooldown="1 epoch") == Plateau(patience=3, cooldown=1)
        assert Plateau(patience="2e3 steps").patience == "2000 steps"

    def test_looks_between_epochs_say_their_unit(self):
        for received in ({"patience": 3}, {}, {"patience": "3 looks", "cooldown": 2}):
            with pytest.raises(InvalidInput, match=r"say what .* counts.*looks.*epochs.*steps"):
                Plateau("loss", every=50, **received)
        assert Plateau("loss", every=50, patience="3 looks").cooldown == 0

    @pytest.mark.parametrize(
        ("patience", "steps"), [("2 looks", 150), ("100 steps", 150), ("2 epochs", 250)]
    )
    def test_looks_between_epochs(self, patience, steps):
        """Epochs of 100 updates, a look every 50, nothing improves after the first look."""
        rule = Plateau("loss", every=50, patience=patience)
        state, cuts = rule.start(), []
        for step in range(50, 301, 50):
            state, decision = rule.update(
                state, Observation(step, (step - 1) // 100, {"loss": 1.0})
            )
            cuts += [step] if decision.factor < 1 else []
        assert cuts[0] == steps

    def test_counting_goes_on_in_the_next_fit(self):
        """There updates and epochs are counted from 0 again."""
        rule = Plateau("loss", patience="300 steps")
        state, decision = rule.start(), KEEP
        for step in (100, 200, 100):
            state, decision = rule.update(state, Observation(step, step // 100 - 1, {"loss": 1.0}))
            assert decision == KEEP
        _, decision = rule.update(state, Observation(200, 1, {"loss": 1.0}))
        assert decision.factor == 0.5

    def test_a_validation_metric_comes_at_ends_only(self):
        with pytest.raises(InvalidInput, match="comes once an epoch"):
            Plateau("val_loss", every=50, patience="3 looks")


class TestRestoreBest:
    values = (1.0, 0.5, 0.8, 0.9, 0.7, 0.4)

    def test_improvements_are_told_and_a_cut_goes_back(self):
        decisions, _ = run(Plateau("loss", patience=2, restore_best=True), self.values)
        assert [d.improved for d in decisions] == [True, True, False, False, False, True]
        assert [d.restore_best for d in decisions] == [False, False, False, True, False, False]
        assert "back to the state at 0.5" in decisions[3].reason

    def test_without_it_nothing_is_told(self):
        decisions, _ = run(Plateau("loss", patience=2), self.values)
        assert not any(d.improved or d.restore_best for d in decisions)

    def test_the_average_of_the_weights_that_are_left_goes_with_them(self):
        rule = Plateau("loss", patience=2, restore_best=True, smoothing=0.9)
        state, decision = rule.start(), KEEP
        for epoch, loss in enumerate((1.0, 9.0, 9.0)):
            state, decision = rule.update(state, Observation(epoch + 1, epoch, {"loss": loss}))
        assert decision.restore_best
        state, decision = rule.update(state, Observation(4, 3, {"loss": 0.9}))
        assert decision.improved
        assert state.best == pytest.approx(0.9)

    def test_the_state_that_is_best_is_told_before_another_rule_leaves_it(self):
        rules = (
            Plateau("loss", patience=1, restore_best=True),
            Plateau("mae", patience=9, restore_best=True),
        )
        states = RuleStates.start(rules)
        states, _ = states.update(Observation(1, 0, {"loss": 1.0, "mae": 1.0}))
        states, decisions = states.update(Observation(2, 1, {"loss": 1.0, "mae": 0.5}))
        assert [(d.improved, d.restore_best) for _, d in decisions] == [
            (True, False),
            (False, True),
        ]


class TestScale:
    @settings(max_examples=100, deadline=None)
    @given(
        values=st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30),
        power=st.integers(-60, 60),
        smoothing=st.sampled_from([0.0, 0.9]),
        semantics=st.sampled_from(["keras", "torch"]),
    )
    def test_a_relative_threshold_ignores_the_scale(self, values, power, smoothing, semantics):
        rule = Plateau("loss", patience=2, smoothing=smoothing, semantics=semantics)
        scaled = [value * 2.0**power for value in values]  # which rounds nothing
        assert cut_epochs(rule, scaled) == cut_epochs(rule, values)

    @settings(max_examples=60, deadline=None)
    @given(values=st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=30))
    def test_more_is_less_turned_over(self, values):
        falls, rises = (Plateau("it", patience=2, mode=mode) for mode in ("min", "max"))
        assert cut_epochs(rises, [-value for value in values]) == cut_epochs(falls, values)
