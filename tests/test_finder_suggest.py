"""The suggestions of a curve, on curves whose answers are known."""

import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.finder import suggest
from keras_lr.finder.range_test import judge

RATES = np.geomspace(1e-6, 10, 141)  # 20 a decade


def curve(steepest=1e-2, lowest=1e-1):
    """Flat at 2.3, falling fastest (in log rate) at one rate, lowest at another, then rising."""
    log = np.log10(RATES)
    fall = 2 / (1 + np.exp(-8 * (log - np.log10(steepest))))
    return 2.3 - fall + 3 * np.maximum(0, log - np.log10(lowest)) ** 2


def quadratic_programme_valley(losses):
    """The published description of `valley`, word for word, in O(n²)."""
    n = len(losses)
    best_start = best_end = 0
    longest = [1] * n
    for i in range(1, n):
        for j in range(i):
            if losses[i] < losses[j]:
                longest[i] = max(longest[i], longest[j] + 1)
        if longest[i] > longest[best_end]:
            best_end = i
            best_start = i - longest[i]
    third = (best_end - best_start) / 3
    return best_start + int(third) + int(third / 2)


def test_minimum_is_a_tenth_of_the_lowest():
    losses = curve()
    lowest = RATES[np.argmin(losses)]
    assert suggest.minimum(RATES, losses) == pytest.approx(lowest / 10)
    assert suggest.below_minimum(RATES, losses, 4) == pytest.approx(lowest / 4)


def test_steep_is_where_the_loss_falls_fastest():
    assert suggest.steep(RATES, curve(steepest=1e-2)) == pytest.approx(1e-2, rel=0.13)
    assert suggest.steep(RATES, curve(steepest=1e-3)) == pytest.approx(1e-3, rel=0.13)


def test_steep_is_per_unit_of_log_rate():
    rates = np.array([1.0, 2.0, 20.0, 200.0])
    assert suggest.steep(rates, np.array([5.0, 4.0, 2.0, 1.0])) == 1.0  # 1/log 2 > 2/log 10
    assert suggest.steep(rates, np.array([5.0, 4.9, 2.0, 1.0])) == 2.0


def test_valley_of_a_single_fall_is_halfway_into_it():
    losses = np.concatenate([np.full(41, 2.3), np.linspace(2.2, 0.2, 60), np.linspace(1, 3, 40)])
    # 61 falling points with the first flat one, up to index 100: 39 + 20 + 10
    assert suggest.valley(RATES, losses) == RATES[100 - 61 + 20 + 10]


@pytest.mark.parametrize("seed", range(8))
def test_valley_agrees_with_its_description_on_noise(seed):
    generator = np.random.default_rng(seed)
    losses = curve() + generator.normal(0, 0.05, size=len(RATES))
    assert suggest.valley(RATES, losses) == RATES[quadratic_programme_valley(losses)]


def test_slide_stops_where_the_slopes_agree():
    # Slope 0.0 up to index 99, then 0.1 a point: the interval's ends agree once both lie below.
    losses = np.concatenate([np.full(100, 1.0), 1.0 + 0.1 * np.arange(1, 42)])
    # All 41 last points have the slope 0.1, so the first look already agrees.
    assert suggest.slide(RATES, losses) == RATES[140 - 15]
    losses[-10:] += np.linspace(0, 5, 10)  # a shoot-up: now the ends differ, and it slides down
    right = 140
    slopes = np.gradient(losses)
    while abs(slopes[right] - slopes[right - 15]) > 0.005:
        right -= 1
    assert suggest.slide(RATES, losses) == RATES[right + 1 - 15]
    assert right < 140


def test_suggestions_survive_noise():
    """On noisy curves `minimum` scatters less than `steep`, which differentiates the noise."""
    found = {"minimum": [], "steep": []}
    for seed in range(40):
        generator = np.random.default_rng(seed)
        losses = suggest.smooth(curve() + generator.normal(0, 0.3, size=len(RATES)), beta=0.8)
        for name in found:
            found[name].append(np.log2(suggest.SUGGESTIONS[name](RATES, losses)))
    assert np.std(found["minimum"]) < np.std(found["steep"])
    assert abs(np.median(found["minimum"]) - np.log2(1e-2)) < 2


def test_smooth_is_unbiased_from_its_first_value():
    np.testing.assert_allclose(suggest.smooth(np.full(50, 3.0)), 3.0)
    losses = np.random.default_rng(0).normal(size=30)
    np.testing.assert_array_equal(suggest.smooth(losses, beta=0.0), losses)
    weights = 0.9 ** np.arange(30)[::-1]
    assert suggest.smooth(losses, beta=0.9)[-1] == pytest.approx(
        (weights * losses).sum() / weights.sum()
    )


def test_a_curve_is_cut_before_its_first_non_finite_loss():
    losses = curve()
    losses[120:] = np.nan
    losses[130] = 0.0
    rates, kept = suggest.finite(RATES, losses)
    assert len(rates) == len(kept) == 120
    assert suggest.suggestions(RATES, losses) == suggest.suggestions(RATES[:120], losses[:120])


def test_a_curve_that_is_too_short_is_refused():
    with pytest.raises(InvalidInput, match="at least 16 rates"):
        suggest.slide(RATES[:15], curve()[:15])
    assert set(suggest.suggestions(RATES[:10], curve()[:10])) == {"minimum", "steep", "valley"}


# --- what the range test makes of a curve ---------------------------------------------------------


def judged(losses, rates=None, decays=False):
    rates = np.geomspace(1e-6, 10, len(losses)) if rates is None else rates
    return judge(rates, np.asarray(losses, float), (1e-6, 10.0), decays=decays)


def noisy(losses, spread=0.05, seed=0):
    return losses + np.random.default_rng(seed).normal(0, spread, size=len(losses))


def long_curve(count=400):
    return np.interp(np.geomspace(1e-6, 10, count), RATES, curve())


def test_a_clear_curve_gives_a_fixed_fraction_of_its_lowest():
    losses = noisy(long_curve())
    constant, decayed = judged(losses), judged(losses, decays=True)
    assert constant.learning_rate == pytest.approx(constant.details["best"] / 10)
    assert decayed.learning_rate == pytest.approx(constant.details["best"] / 4)
    assert constant.band == pytest.approx(
        (constant.learning_rate / 2, constant.learning_rate * 2**0.5)
    )
    assert 0.1 < constant.details["best"] < 1  # smoothing lags behind the true 0.1
    assert set(constant.details["suggestions"]) == {"minimum", "steep", "valley", "slide"}


@pytest.mark.parametrize("seed", range(10))
def test_pure_noise_is_refused(seed):
    finding = judged(noisy(np.full(400, 2.3), 0.3, seed))
    assert finding.learning_rate is None
    assert "never fell" in finding.reason


def test_a_loss_that_only_rises_is_refused():
    assert "never fell" in judged(noisy(np.linspace(1, 4, 200))).reason
    assert judged(noisy(np.linspace(1, 4, 200))).learning_rate is None


def test_rates_that_are_too_high_from_the_start_are_refused():
    leap = np.concatenate([[2.4], noisy(np.linspace(14, 11, 399), 1.0)])
    finding = judge(np.geomspace(1e3, 1e6, 400), leap, (1e3, 1e6), decays=False)
    assert finding.learning_rate is None
    assert "too high" in finding.reason
    assert "learning_rates=(1e-01, 1e+03)" in finding.reason


def test_a_suggestion_below_the_range_is_refused():
    rates = np.geomspace(5e-2, 10, 400)
    losses = noisy(np.interp(rates, RATES, curve(steepest=7e-2, lowest=0.2)), 0.01)
    finding = judge(rates, losses, (5e-2, 10.0), decays=False)
    assert finding.learning_rate is None
    assert "lies under the range. Sweep lower: learning_rates=(5e-04, 1e+01)" in finding.reason


def test_rates_that_are_too_low_are_refused_with_higher_ones():
    finding = judge(
        np.geomspace(1e-9, 1e-8, 400), noisy(np.full(400, 2.3)), (1e-9, 1e-8), decays=False
    )
    assert "try higher rates: learning_rates=(1e-08, 1e-04)" in finding.reason


def test_a_loss_that_is_never_finite_is_refused():
    assert "at the first update" in judged([np.nan]).reason
    assert "after 3 updates" in judged([1.0, 1.0, 1.0, np.inf]).reason


def test_a_loss_that_still_falls_at_the_end_is_refused():
    finding = judged(noisy(np.linspace(3, 1, 400), 0.01))
    assert finding.learning_rate is None
    assert "still falling" in finding.reason
    assert "learning_rates=(1e-06, 1e+03)" in finding.reason


def test_negative_losses_are_as_good():
    losses = noisy(long_curve()) - 50
    assert judged(losses).learning_rate == pytest.approx(judged(losses + 50).learning_rate)
