import math

import pytest

from keras_lr.errors import InvalidInput
from keras_lr.watch import Arm, Comparison
from keras_lr.watch.answers import comparison_answer


def arms(candidate, *baselines):
    names = ["tuned", "default", "constant"]
    return tuple(
        Arm(name, 0.1, f"{name} setting", tuple(scores))
        for name, scores in zip(names, (candidate, *baselines), strict=False)
    )


def test_mean_and_spread_are_the_sample_statistics():
    arm = Arm("a", 0.1, "", (1.0, 2.0, 3.0, 6.0))
    assert arm.mean == 3.0
    assert arm.spread == pytest.approx(math.sqrt((4 + 1 + 0 + 9) / 3))


def test_one_seed_shows_nothing():
    comparison = Comparison("test accuracy", arms([0.99], [0.1]))
    assert math.isnan(comparison.candidate.spread)
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


def test_verdicts_follow_the_direction_of_the_metric():
    low, high = [0.10, 0.11, 0.12], [0.90, 0.91, 0.92]
    assert Comparison("test accuracy", arms(high, low)).verdict(arms(high, low)[1]) == "better"
    assert Comparison("test loss", arms(high, low)).verdict(arms(high, low)[1]) == "worse"
    raised = Comparison("test loss", arms(high, low), higher_is_better=True)
    assert raised.verdict(raised.arms[1]) == "better"


def test_overlapping_ranges_are_not_distinguishable():
    comparison = Comparison("test accuracy", arms([0.97, 0.98, 0.99], [0.96, 0.97, 0.98]))
    assert comparison.gain(comparison.arms[1]) == pytest.approx(0.01)
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


def test_a_diverged_seed_is_never_better():
    comparison = Comparison("test loss", arms([math.nan, 0.1], [9.0, 9.0]))
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


def test_answer_says_better_same_and_worse():
    better = Comparison("test accuracy", arms([0.97, 0.98], [0.90, 0.91], [0.97, 0.975]))
    answer = comparison_answer(better)
    assert answer == (
        "Use tuned setting: test accuracy 97.5 ± 0.7 %; default 90.5 ± 0.7 % (7.0 points worse); "
        "constant 97.2 ± 0.4 % (not distinguishable)."
    )
    same = Comparison("test accuracy", arms([0.97, 0.98], [0.97, 0.98]))
    assert comparison_answer(same).startswith("No difference can be shown for tuned setting")
    worse = Comparison("test accuracy", arms([0.90, 0.91], [0.97, 0.98]))
    assert comparison_answer(worse).startswith("Don't expect a gain from tuned setting")
    assert "(7.0 points better)" in comparison_answer(worse)


def test_bad_comparisons_are_refused():
    with pytest.raises(InvalidInput, match="one score a seed"):
        Arm("a", 0.1, "", ())
    with pytest.raises(InvalidInput, match="at least one baseline"):
        Comparison("loss", arms([1.0]))
    with pytest.raises(InvalidInput, match="same seeds"):
        Comparison("loss", arms([1.0], [1.0, 2.0]))
