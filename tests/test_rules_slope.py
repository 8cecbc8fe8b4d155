"""Slope: dlib's test for a loss that no longer falls."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_lr.errors import InvalidInput
from keras_lr.rules import Observation, Slope
from keras_lr.rules.slope import SlopeState, probability_of_decrease, without_highest
from rule_runs import cut_epochs, run


def by_numpy(values):
    """The same by NumPy's least squares and the covariance that it gives."""
    n = len(values)
    (slope, _), covariance = np.polyfit(np.arange(n), values, 1, cov=True)
    return 0.5 * math.erfc(slope / math.sqrt(covariance[0, 0]) / math.sqrt(2))


class TestProbability:
    @settings(max_examples=100, deadline=None)
    @given(seed=st.integers(0, 10**6), n=st.integers(5, 60), slope=st.floats(-0.2, 0.2))
    def test_is_that_of_numpys_least_squares(self, seed, n, slope):
        values = slope * np.arange(n) + np.random.default_rng(seed).normal(size=n)
        assert probability_of_decrease(values) == pytest.approx(by_numpy(values), abs=1e-9)

    def test_three_points_by_hand(self):
        """0, 2, 1: slope ½, RSS 3/2, s² 3/2, SE √(12·1.5/24) = √¾, z = ½/√¾."""
        expected = 0.5 * math.erfc(0.5 / math.sqrt(0.75) / math.sqrt(2))
        assert probability_of_decrease([0.0, 2.0, 1.0]) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([2.0, 2.0, 2.0, 2.0], 0.5),
            ([0.1] * 40, 0.5),
            ([3.0, 2.0, 1.0], 1.0),
            ([1.0, 2.0, 3.0], 0.0),
            ([1.7e308, -1.7e308, -1.7e308], None),
            ([5e-324, 0.0, 0.0], None),
        ],
    )
    def test_ends(self, values, expected):
        found = probability_of_decrease(values)
        assert 0.0 <= found <= 1.0
        if expected is not None:
            assert found == expected

    def test_the_highest_are_left_out_as_in_dlib(self):
        """dlib's threshold is the value at place (n − 1)(1 − 0.1) of the sorted ones."""
        values = [float(v) for v in (5, 1, 20, 3, 2, 9, 4, 8, 7, 6)]
        assert without_highest(values, 0.1) == [v for v in values if v < 20]
        assert without_highest(values, 0.0) == values


def noisy(slope, seed, looks=400, noise=1.0):
    random = np.random.default_rng(seed)
    return (slope * np.arange(looks) + noise * random.normal(size=looks) + 100.0).tolist()


class TestSlope:
    rule = Slope("loss", every=None)

    def test_a_falling_noisy_loss_is_never_cut(self):
        """It falls by a fifth of its noise a look: 8 standard deviations over the window."""
        assert all(not cut_epochs(self.rule, noisy(-0.2, seed)) for seed in range(20))

    def test_a_flat_one_is_and_then_the_window_fills_anew(self):
        for seed in range(20):
            cuts = cut_epochs(self.rule, noisy(0.0, seed))
            assert cuts
            assert cuts[0] >= 39
            assert all(np.diff(cuts) >= 40)

    def test_a_constant_one_and_a_rising_one(self):
        assert cut_epochs(self.rule, [0.1] * 85) == [39, 79]
        assert cut_epochs(self.rule, noisy(0.2, 0, looks=45))[0] == 39

    def test_a_spike_that_has_passed_is_no_rise(self):
        """All values say that it rises; those without the highest tenth that it falls."""
        values = np.linspace(2.0, 1.0, 40)
        values[-6:-3] += 30.0
        assert probability_of_decrease(values) < 0.51
        assert not cut_epochs(self.rule, values.tolist())
        assert cut_epochs(Slope("loss", every=None, discard=0.0), values.tolist())

    def test_a_metric_that_should_rise(self):
        accuracy = Slope("accuracy", every=None)
        assert not cut_epochs(accuracy, [-v for v in noisy(-0.2, 0)])
        assert cut_epochs(accuracy, [-v for v in noisy(0.2, 0)])

    def test_the_evidence_is_told(self):
        decisions, _ = run(self.rule, [0.1] * 40)
        assert "loss falls with probability 0.5 over the last 40 epochs" in decisions[-1].reason
        decisions, _ = run(Slope("loss"), [0.1] * 40)
        assert "40 × 50 updates" in decisions[-1].reason

    def test_min_rate(self):
        _, rates = run(Slope("loss", every=None, window=10, min_rate=0.4), [1.0] * 40)
        assert min(rates) == 0.4

    def test_nan_is_left_out(self):
        state, _ = self.rule.update(SlopeState((1.0,)), Observation(1, 0, {"loss": math.nan}))
        assert state.values == (1.0,)

    def test_a_validation_metric_needs_epochs(self):
        with pytest.raises(InvalidInput, match="every=None"):
            Slope("val_loss")
        assert Slope("val_loss", every=None).direction == "min"

    @pytest.mark.parametrize(
        "wrong",
        [
            {"factor": 1},
            {"window": 9},
            {"window": 40.5},
            {"probability": 1.0},
            {"discard": 0.6},
            {"min_rate": -1},
            {"every": 0},
            {"mode": "down"},
            {"monitor": ""},
            {"monitor": "it"},
        ],
    )
    def test_refuses(self, wrong):
        with pytest.raises(InvalidInput):
            Slope(**wrong)
