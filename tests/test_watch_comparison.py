import math

import numpy as np
import pytest

from keras_lr.errors import InvalidInput
from keras_lr.watch import Arm, Comparison
from keras_lr.watch.answers import comparison_answer
from keras_lr.watch.student import two_sided


def arms(candidate, *baselines):
    names = ["tuned", "default", "constant"]
    return tuple(
        Arm(name, 0.1, f"{name} setting", tuple(map(float, scores)))
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


def test_overlapping_differences_are_not_distinguishable():
    comparison = Comparison("test accuracy", arms([0.97, 0.98, 0.99], [0.98, 0.96, 0.97]))
    assert comparison.gain(comparison.arms[1]) == pytest.approx(0.01)
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


@pytest.mark.parametrize(
    ("freedom", "at_5", "at_1"),  # from the tables of Student's t, two-sided
    [(1, 12.706, 63.657), (2, 4.303, 9.925), (3, 3.182, 5.841), (4, 2.776, 4.604),
     (5, 2.571, 4.032), (8, 2.306, 3.355), (9, 2.262, 3.250), (30, 2.042, 2.750)],
)  # fmt: skip
def test_t_is_the_tables(freedom, at_5, at_1):
    assert two_sided(at_5, freedom) == pytest.approx(0.05, rel=1e-3)
    assert two_sided(-at_1, freedom) == pytest.approx(0.01, rel=2e-3)
    assert two_sided(0, freedom) == 1


def test_the_numbers_that_the_documentation_names():
    for seeds, baselines, errors in [(5, 1, 2.78), (5, 3, 3.96), (3, 1, 4.30), (3, 3, 7.65)]:
        assert two_sided(errors, seeds - 1) == pytest.approx(0.05 / baselines, rel=0.01)
        assert str(errors) in " ".join((Comparison.verdict.__doc__ or "").split())


def test_the_seeds_are_paired_and_the_baselines_counted():
    # Every seed gains about 0.01 while the seeds themselves differ by 0.2.
    seeds = np.array([0.70, 0.80, 0.90, 0.75, 0.85])
    gains = np.array([0.010, 0.006, 0.014, 0.008, 0.004])  # t = 4.9 with 4 degrees of freedom
    comparison = Comparison("test accuracy", arms(seeds + gains, seeds))
    assert comparison.verdict(comparison.arms[1]) == "better"
    shuffled = Comparison("test accuracy", arms(seeds + gains, seeds[::-1]))
    assert shuffled.verdict(shuffled.arms[1]) == "not distinguishable"
    gains = np.array([0.010, 0.002, 0.016, 0.008, 0.004])  # t = 3.3: enough for one, not for two
    alone = Comparison("test accuracy", arms(seeds + gains, seeds))
    assert alone.verdict(alone.arms[1]) == "better"
    among = Comparison("test accuracy", arms(seeds + gains, seeds, seeds))
    assert among.verdict(among.arms[1]) == "not distinguishable"


def test_two_seeds_show_nothing():
    comparison = Comparison("test accuracy", arms([0.97, 0.98], [0.10, 0.11]))
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


def test_the_direction_is_that_of_the_rules():
    assert Comparison("val_mean_iou", arms([1.0], [0.0])).higher_is_better is True
    assert Comparison("val_poisson", arms([1.0], [0.0])).higher_is_better is False
    with pytest.raises(InvalidInput, match="higher_is_better=True"):
        Comparison("quality", arms([1.0], [0.0]))


def test_a_diverged_seed_is_never_better():
    comparison = Comparison("test loss", arms([math.nan, 0.1, 0.1], [9.0, 9.0, 9.0]))
    assert comparison.verdict(comparison.arms[1]) == "not distinguishable"


def test_answer_says_better_same_and_worse():
    high, low = [0.97, 0.98, 0.975], [0.90, 0.91, 0.905]
    answer = comparison_answer(Comparison("test accuracy", arms(high, low, [0.98, 0.975, 0.97])))
    assert answer == (
        "Use tuned setting: test accuracy 97.5 ± 0.5 %; default 90.5 ± 0.5 % (7.0 points worse); "
        "constant 97.5 ± 0.5 % (not distinguishable)."
    )
    same = Comparison("test accuracy", arms(high, high))
    assert comparison_answer(same).startswith("No difference can be shown for tuned setting")
    worse = Comparison("test accuracy", arms(low, high))
    assert comparison_answer(worse).startswith("Don't expect a gain from tuned setting")
    assert "(7.0 points better)" in comparison_answer(worse)


def test_bad_comparisons_are_refused():
    with pytest.raises(InvalidInput, match="one score a seed"):
        Arm("a", 0.1, "", ())
    with pytest.raises(InvalidInput, match="at least one baseline"):
        Comparison("loss", arms([1.0]))
    with pytest.raises(InvalidInput, match="same seeds"):
        Comparison("loss", arms([1.0], [1.0, 2.0]))
