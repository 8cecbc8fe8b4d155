"""Every sentence of a diagnosis is true of the run: its numbers stand in the log."""

import re

import numpy as np
import pytest

from diagnosis_all import CASES
from diagnosis_cases import FALLING, NOISE, E, N, run
from keras_lr.watch import Run, diagnose
from keras_lr.watch.run import Curve
from keras_lr.watch.style import number

QUOTED = ("schedule overrun", "rate decayed too soon", "stuck", "idle at the end", "overfitting",
          "dead layers", "validation exploded")  # fmt: skip
"""Symptoms whose evidence has no number but those of the log, places, counts and shares."""
_PLACES = re.compile(
    r"(epochs?|steps?) \d+( to \d+)?( \(step \d+\))?|first of \d+|at all \d+|(last )?\d+ of \d+"
    r"|\d+(\.\d+)?%|1e-07"
)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
RUINED = [2.313, 2.238, 2.369, 2.385, 2.355, 2.339, 2.322, 2.32, 2.314, 2.311, *[2.3015] * 15]
"""A loss that a rate threw up in the third epoch, and that a rule's cuts brought back to chance."""
_CUT = 0.3 * 0.5 ** (np.arange(25) // 1.5)


def _after(first, level, noise=0.0):
    """A first value, and then a level with noise."""
    return np.where(E < 2, first, level + noise * NOISE)


def found_in(*names):
    return [
        pytest.param(name, made, id=f"{name}: {why}")
        for name in names
        for why, made in CASES[name].ill.items()
    ]


@pytest.mark.parametrize(("name", "made"), found_in(*QUOTED))
def test_numbers_are_those_of_the_log(name, made):
    values = [value for curve in made.history.values() for value in curve]
    logged = {number(value, digits) for value in values for digits in (3, 4)}
    told = _PLACES.sub("", diagnose(made)[name].evidence.replace("update_ratio/", ""))
    assert set(_NUMBER.findall(re.sub(r"\bh\d\b", "", told))) <= logged


@pytest.mark.parametrize(("name", "made"), found_in(*CASES))
def test_the_title_says_where_as_the_text_does(name, made):
    found = diagnose(made)
    assert not any("Error" in each.needs for each in found.not_judged)
    symptom = found[name]
    first, last = (int(place) for place in symptom.span)
    assert str(first) in symptom.where
    assert symptom.where == f"from epoch {first} on" or str(last) in symptom.where
    if name in ("schedule overrun", "rate decayed too soon"):
        assert f"epoch {first} " in symptom.evidence
    if name == "idle at the end":
        assert f"the last {last - first + 1} of {made.epochs} epochs" in symptom.evidence


@pytest.mark.parametrize("end", [0.02, 0.3, 0.7, 1.5])
def test_no_loss_that_never_was_below_0_is_projected_there(end):
    symptom = diagnose({"loss": np.linspace(2.3, end, N)}).found
    told = [s.evidence.split(" to ")[-1] for s in symptom if s.name == "rate too low"]
    assert all(not text.startswith("-") for text in told)
    assert (end == 0.7) <= any("can't last" in text for text in told)
    below = diagnose({"loss": np.linspace(2.3, -1.7, N)})["rate too low"]
    assert "from -1.7 to -5.7" in below.evidence


def test_how_fast_and_by_how_much_at_most():
    assert ", as fast as before; " in diagnose({"loss": 2.3 - 0.02 * E})["rate too low"].evidence
    bent = 2.3 - 0.02 * np.minimum(E, 20) - 0.016 * np.maximum(E - 20, 0)
    assert ", 80% as fast as before; " in diagnose({"loss": bent})["rate too low"].evidence
    cut = {"loss": 2.3 - 0.02 * E, "learning_rate": np.where(E < 21, 0.1, 0.05)}
    told = diagnose(cut)["rate too low"].evidence
    assert "falls by 0.02 an epoch in the second half, as fast as before for its rate; " in told
    assert diagnose({"loss": 2.3 - 0.0005 * E})["rate too low"].numbers["factor"] == 10


def test_the_rate_at_the_place_that_is_named():
    rates = np.where(E < 2, 0.3, 0.3 * 0.3 ** (E - 1.0))
    symptom = diagnose(run(FALLING, rates))["schedule overrun"]
    place = int(symptom.span[0])
    told = f"came down to {number(rates[place - 1])} at epoch {place}"
    assert told in symptom.evidence
    assert f"fell on to {number(rates[-1])}" in symptom.evidence


class TestTooHighOrTooLow:
    @pytest.mark.parametrize(
        ("curves", "how"),
        [
            ({"accuracy": [0.209, 0.159, 0.131, *[0.1, 0.108] * 11]}, "accuracy fell from 21%"),
            (
                {"loss": [2.303] * 25, "val_loss": [2.38, 2.12, *[2.4, 2.41] * 11, 2.4]},
                "val_loss rose from 2.12",
            ),
            ({"loss": [2.31, 2.27, *[2.38, 2.39] * 11, 2.38]}, "loss rose from 2.27"),
        ],
    )
    def test_what_no_low_rate_does(self, curves, how):
        found = diagnose({"loss": RUINED, "learning_rate": _CUT, **curves})
        assert [each.name for each in found.found] == ["stuck"]
        assert found["stuck"].title == "Stuck at a rate too high"
        assert how in found["stuck"].evidence

    @pytest.mark.parametrize(
        ("curves", "worse"),
        [
            ({"loss": _after(2.3, 2.37)}, True),  # by 3 %
            ({"loss": _after(2.3, 2.335)}, False),  # by 1.5 %
            ({"val_loss": _after(2.3, 2.37)}, True),
            ({"val_loss": _after(2.3, 2.4, 0.025)}, True),  # by 6 times its noise
            ({"val_loss": _after(2.3, 2.4, 0.06)}, False),  # by twice its noise
            ({"accuracy": _after(0.2, 0.15)}, True),  # by a quarter
            ({"accuracy": _after(0.2, 0.17)}, False),
            ({"accuracy": _after(0.2, 0.14, 0.045)}, False),
        ],
    )
    def test_worse_is_what_the_noise_does_not_explain(self, curves, worse):
        made = run(**{"loss": [2.303] * N, "rates": [0.1] * N, **curves})
        told = "Stuck at a rate too high" if worse else "Stuck at a rate of 0.1"
        assert diagnose(made)["stuck"].title == told

    def test_a_net_that_is_sure_of_wrong_answers_after_three_epochs(self):
        history = {"loss": [14.37, 14.654, 14.654], "accuracy": [0.087, 0.091, 0.091]}
        assert diagnose(history)["stuck"].title == "Stuck at a rate far too high"
        for loss in ([14.37, 12.1, 9.4], [14.37, 14.47, 14.47], [14.37, 14.654]):
            few = {"loss": loss, "accuracy": history["accuracy"][: len(loss)]}
            assert diagnose(few).healthy is None

    def test_a_few_epochs_that_hardly_fall(self):
        low = {"loss": [2.428, 2.414, 2.4, 2.387], "learning_rate": [0.001] * 4}
        noisy = 2.4 - 0.0003 * np.arange(150) + 0.03 * np.sin(1.7 * np.arange(150))
        steps = {"loss": Curve(list(range(1, 151)), noisy.tolist())}
        for made in (Run(low), Run(low, steps=steps)):
            found = diagnose(made)
            assert [each.name for each in found.found] == ["rate too low"]
            assert "from 2.43 to 2.39 in 4 epochs, 1.7% in all" in found["rate too low"].evidence
        assert "rate too low" in diagnose({**low, "loss": [2.4, 2.37, 2.34, 2.31]})
        for loss in (
            [2.428, 2.414, 2.416, 2.387],
            [2.428, 2.4, 2.39, 2.387],
            [2.4, 2.34, 2.28, 2.22],
            [2.428, 2.414, 2.4],
        ):
            few = {"loss": loss, "learning_rate": [0.001] * len(loss)}
            assert "rate too low" not in diagnose(few)

    def test_ratings_with_an_accuracy(self):
        loss = [2.96, 0.973, 0.8, *[0.68, 0.675] * 9]
        found = diagnose({"loss": loss, "accuracy": [0.142] * len(loss)})
        assert "stuck" not in found


class TestAtUpdates:
    def test_validation_is_judged_at_epochs(self):
        steps = {"loss": Curve(list(range(1, 601)), (2 - np.arange(600) / 400).tolist())}
        history = {"loss": [1.8, 1.5, 1.2, 0.9, 0.7], "val_loss": [1.0, 0.6, 0.9, 1.3, 1.8]}
        assert diagnose(Run(history, steps=steps))["overfitting"].where == "epochs 2 to 5"
        short = {name: values[:4] for name, values in history.items()}
        found = diagnose(Run(short, steps=steps))
        assert "validation exploded" in found.not_found
        [needs] = [each.needs for each in found.not_judged if each.name == "overfitting"]
        assert needs == "val_loss of 5 epochs; this run has 4"
        assert "a longer run, of 5 to 20 epochs" in " ".join(str(found).split())

    def test_losses_of_batches_are_not_called_oscillating(self):
        steps = np.arange(1, 351)
        noise = 0.15 + 0.1 * np.random.default_rng(0).normal(size=350) + 2 * np.exp(-steps / 30)
        made = Run({"loss": [0.3, 0.15]}, steps={"loss": Curve(steps.tolist(), noise.tolist())})
        found = diagnose(made)
        assert "oscillating" not in found
        assert "oscillating" not in found.not_found


class TestWhatIsMissing:
    def test_a_rate_and_the_norms_are_one_callback(self):
        told = {
            each.needs.partition("list ")[2]
            for history in ({"loss": FALLING}, {"loss": FALLING, "learning_rate": [0.1] * N})
            for each in diagnose(history).not_judged
            if "LearningRateMonitor" in each.needs
        }
        assert len(told) == 1

    def test_no_decay_needs_no_norm(self):
        logged = {"loss": FALLING, "learning_rate": [0.1] * N}
        assert "weight decay dominates" not in diagnose(logged).not_found
        settings = {"optimizer": "SGD", "momentum": 0.9}
        for made in (Run({**logged, "batch_size": [32.0] * N}), Run(logged, settings=settings)):
            assert "weight decay dominates" in diagnose(made).not_found

    def test_a_defect_is_not_the_runs(self, monkeypatch):
        monkeypatch.setattr("keras_lr.watch.diagnosis.stuck.worse", lambda *_, **__: [][1])
        needs = [each.needs for each in diagnose({"loss": [2.3] * 30}).not_judged]
        assert any("please report it (IndexError" in told for told in needs)
