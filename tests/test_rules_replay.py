"""replay: when rules would have cut on a finished run, from whatever it logged."""

import csv
import math
import types

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keras_lr
from helpers import classifier, data
from keras_lr.errors import InvalidInput
from keras_lr.rules import (
    Decision,
    Divergence,
    Oscillation,
    Plateau,
    Slope,
    replay,
)
from rule_runs import run

LOSSES = [1.0, 0.5, 0.5, 0.5, 0.5, 0.5]
PLATEAU = Plateau("loss", patience=2)


def epochs(result):
    return [cut.epoch for cut in result.cuts]


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


class TestTheSameAsInFit:
    def test_a_history(self):
        """The cuts are those of the fit that it replays."""
        control = keras_lr.LearningRate(rules=[Plateau("loss", patience=1, min_delta=0.9)])
        x, y = data()
        history = classifier(keras.optimizers.SGD(0.1)).fit(
            x, y, epochs=6, verbose=0, callbacks=[control]
        )
        found = keras_lr.replay(control.rules, history, learning_rate=0.1, steps_per_epoch=2)
        assert found.cuts
        assert [(cut.epoch, cut.step, cut.factor, cut.reason) for cut in found.cuts] == [
            (event.epoch, event.step, event.factor, event.reason) for event in control.record.events
        ]
        assert found.rates == pytest.approx(history.history["learning_rate"], rel=1e-6)

    @settings(max_examples=40, deadline=None)
    @given(values=st.lists(st.floats(0.1, 1.0), min_size=1, max_size=30))
    def test_any_values(self, values):
        rule = Plateau("loss", patience=1, min_delta=0.3)
        decisions, rates = run(rule, values, rate=0.2)
        found = replay(rule, {"loss": values}, learning_rate=0.2)
        assert epochs(found) == [i for i, d in enumerate(decisions) if d.factor < 1]
        assert found.rates == pytest.approx(rates)

    def test_several_rules_respect_each_other(self):
        pair = [Plateau(m, patience=1, min_rate=0.04) for m in ("loss", "mae")]
        found = replay(pair, {"loss": [1.0] * 9, "mae": [1.0] * 9}, learning_rate=0.1)
        assert found.rates[-1] == pytest.approx(0.04)
        assert [cut.rate_before for cut in found.cuts[1:]] == [
            c.rate_after for c in found.cuts[:-1]
        ]

    def test_a_divergence_rolls_back_and_gives_up(self):
        found = replay(Divergence(max_rollbacks=1), {"loss": [1.0, math.nan, 1.0, math.nan, 1.0]})
        assert [cut.action for cut in found.cuts] == ["roll back", "give up"]
        assert found.at == (0, 1, 2, 3)

    def test_the_best_state(self):
        rule = Plateau("loss", patience=2, restore_best=True)
        assert [cut.action for cut in replay(rule, {"loss": LOSSES}).cuts] == ["restore best"] * 2


class TestTime:
    steps = types.MappingProxyType({"loss": [1.0] * 400})

    def test_patience_in_updates_needs_to_know_them(self):
        rule = Plateau("loss", patience="200 steps")
        with pytest.raises(InvalidInput, match="steps_per_epoch=N"):
            replay(rule, {"loss": LOSSES})
        assert epochs(replay(rule, {"loss": LOSSES}, steps_per_epoch=100)) == [3, 5]

    def test_looks_between_epochs(self):
        """Chunk means, one a look: the first look is the best value, two more are waited."""
        found = replay(Plateau("loss", every=50, patience="2 looks"), self.steps, rows="step")
        assert [cut.step for cut in found.cuts] == [150, 250, 350]
        assert found.unit == "step"
        assert found.at == tuple(range(50, 401, 50))

    def test_means_over_the_updates_between_two_looks(self):
        class Seen(Slope):
            def update(self, state, observation):
                return state, Decision(reason=str(dict(observation.values)), factor=0.5)

        rule = Seen("loss", every=2)
        found = replay(rule, {"loss": [1.0, 2.0, 3.0, math.nan, None, 7.0, 8.0]}, rows="step")
        assert [cut.reason for cut in found.cuts] == [
            "{'loss': 1.5}",
            "{'loss': nan}",
            "{'loss': 7.0}",
        ]

    def test_a_log_too_coarse_to_look_so_often(self):
        log = {"step": [100, 200, 300], "loss": [1.0, 1.0, 1.0]}
        with pytest.raises(InvalidInput, match="every=100"):
            replay(Slope("loss"), log)
        assert replay(Slope("loss", every=100), log).at == (100, 200, 300)

    def test_updates_counted_from_zero(self):
        log = {"step": [0, 1, 2, 3], "loss": [1.0] * 4}
        assert replay(Slope("loss", every=2), log).at == (2, 4)

    def test_a_log_of_epochs_has_nothing_between(self):
        with pytest.raises(InvalidInput, match=r"epochs only.*update_freq=1"):
            replay(Slope("loss"), {"loss": LOSSES})

    def test_epochs_of_a_log_of_updates(self):
        with pytest.raises(InvalidInput, match="steps_per_epoch=N"):
            replay(PLATEAU, self.steps, rows="step")
        found = replay(PLATEAU, self.steps, rows="step", steps_per_epoch=100)
        assert [(cut.epoch, cut.step) for cut in found.cuts] == [(2, 300)]

    def test_rules_that_look_at_different_times(self):
        pair = [PLATEAU, Plateau("loss", every=50, patience="2 looks", factor=0.1)]
        found = replay(pair, {"loss": [1.0] * 400}, rows="step", steps_per_epoch=100)
        assert [(cut.step, cut.factor) for cut in found.cuts] == [
            (150, 0.1),
            (250, 0.1),
            (300, 0.5),
            (350, 0.1),
        ]
        assert found.cuts[2].rate_after == pytest.approx(0.005)

    def test_a_rule_of_the_compiled_step_needs_each_update(self):
        rule = Oscillation(first=2, growth=1.5)
        flat = {"distance": [1.0] * 60}
        assert replay(rule, flat, rows="step").cuts
        with pytest.raises(InvalidInput, match="needs a row an update"):
            replay(rule, {"step": [10, 20], "distance": [1.0, 1.0]})
        with pytest.raises(InvalidInput, match="'distance'"):
            replay(rule, {"loss": [1.0] * 60}, rows="step")
        with pytest.raises(InvalidInput, match="decided at each update"):
            replay(rule, flat)


class TestRates:
    def test_the_logs_own(self):
        log = {"loss": LOSSES, "lr": [0.1, 0.1, 0.1, 0.05, 0.05, 0.05]}
        found = replay(PLATEAU, log)
        assert found.rates_known
        assert found.rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.025, 0.025])
        assert (found.cuts[0].rate_before, found.cuts[0].rate_after) == (0.05, 0.025)

    def test_unknown_ones_are_shares(self):
        found = replay(PLATEAU, {"loss": LOSSES})
        assert not found.rates_known
        assert found.rates == (1.0, 1.0, 1.0, 1.0, 0.5, 0.5)
        assert "learning_rate=" in str(found)

    def test_a_floor_needs_them(self):
        floor = Plateau("loss", patience=1, min_rate=0.04)
        with pytest.raises(InvalidInput, match=r"min_rate.*learning_rate=0\.1"):
            replay(floor, {"loss": LOSSES})
        assert replay(floor, {"loss": LOSSES}, learning_rate=0.1).rates[-1] == 0.04


class TestTold:
    def test_a_table(self):
        text = str(replay(PLATEAU, {"loss": LOSSES}, learning_rate=0.1, steps_per_epoch=10))
        assert text.splitlines() == [
            "2 cuts in 6 epochs of the history:",
            "epoch  step  rule     rate          why",
            "    4    40  plateau  0.1 → 0.05    loss has not improved on 0.5 for 2 epochs (now 0.5)",
            "    6    60  plateau  0.05 → 0.025  loss has not improved on 0.5 for 2 epochs (now 0.5)",
        ]

    def test_no_cut(self):
        assert str(replay(PLATEAU, {"loss": [1.0]})) == "No cut in 1 epoch of the history."


class TestCsv:
    def test_what_csvlogger_writes(self, tmp_path):
        """Missing values of other epochs, arrays and texts in other columns are no matter."""
        path = write(
            tmp_path / "log.csv",
            "epoch,loss,note,val_loss\r\n"
            + "".join(f'{i},{v},"[1, 2]",{"NA" if i % 2 else v}\r\n' for i, v in enumerate(LOSSES)),
        )
        assert epochs(replay(PLATEAU, path)) == [3, 5]
        assert epochs(replay(Plateau("val_loss", patience=1), str(path))) == [4]

    def test_csvlogger_itself(self, tmp_path):
        x, y = data()
        path = tmp_path / "log.csv"
        history = classifier("sgd").fit(
            x, y, epochs=4, verbose=0, callbacks=[keras.callbacks.CSVLogger(str(path))]
        )
        rule = Plateau("loss", patience=1, min_delta=0.9)
        found, expected = replay(rule, path), replay(rule, history)
        assert found.cuts == expected.cuts
        assert found.cuts

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_separators_and_marks(self, tmp_path, separator):
        text = "\ufeff" + separator.join(["Step", "loss"]) + "\n"
        text += "".join(f"{100 * (i + 1)}{separator}{v}\n" for i, v in enumerate(LOSSES))
        path = write(tmp_path / "log.csv", text)
        found = replay(Plateau("loss", every=100, patience="2 looks"), path)
        assert [cut.step for cut in found.cuts] == [400, 600]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is empty"),
            ("epoch,loss\n", "has no row"),
            ("0,1.0\n1,0.5\n", "must begin with the names"),
            ("epoch,loss,loss\n0,1,1\n", "each once"),
            ("epoch,loss\n0,1.0\n1,much\n", "line 3: loss must be a number. Received: 'much'"),
            ("epoch,loss\n0,1.0\n1\n", "line 3 .cut off. then delete it.: 1 cells for 2"),
            ("epoch,loss\n0,1.0,5\n1,2\n", "line 2: 3 cells"),
            ("epoch,los\n0,1.0\n", "Did you mean 'los'"),
            ("epoch\n0\n", "no column of values"),
            ("epoch,loss\n-1,1.0\n", "at least 0"),
            ("step,loss\n10,1.0\n5,1.0\n", "must rise.*5 after 10"),
        ],
    )
    def test_bad_files(self, tmp_path, text, message):
        with pytest.raises(InvalidInput, match=message):
            replay(PLATEAU, write(tmp_path / "log.csv", text), steps_per_epoch=1)

    def test_no_text_at_all(self, tmp_path):
        (tmp_path / "log.csv").write_bytes(bytes(range(256)))
        with pytest.raises(InvalidInput, match=r"no text in UTF-8\. A log is"):
            replay(PLATEAU, tmp_path / "log.csv")

    def test_no_file(self, tmp_path):
        with pytest.raises(InvalidInput, match="There is no file"):
            replay(PLATEAU, tmp_path / "log.csv")

    def test_long_ones_are_quick(self, tmp_path):
        """A look is taken once and a line read once: 100,000 lines in far less than a minute."""
        path = tmp_path / "log.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["step", "loss"])
            rows.writerows((step, 1.0) for step in range(1, 100_001))
        found = replay(Slope("loss"), path)
        assert len(found.at) == 2000
        assert len(found.cuts) == 50


class TestRefused:
    @pytest.mark.parametrize(
        ("history", "message"),
        [
            (5, "what fit returned"),
            ({}, "Nothing was logged"),
            ({"loss": []}, "Nothing was logged"),
            ({"loss": 5}, "values, one a row"),
            ({"loss": "12"}, "values, one a row"),
            ({"los": [1.0]}, "Did you mean 'los'"),
            ({"loss": [[1, 2]]}, "must be a number"),
            ({"loss": [1.0, 2.0], "val_loss": [1.0]}, "Write None for each row"),
        ],
    )
    def test_histories(self, history, message):
        with pytest.raises(InvalidInput, match=message):
            replay(PLATEAU, history)

    def test_a_record_has_no_metrics(self):
        with pytest.raises(InvalidInput, match=r"model\.history"):
            replay(PLATEAU, keras_lr.LearningRate().record)

    @pytest.mark.parametrize("rules", [(), "plateau", Plateau, [None], 5])
    def test_rules(self, rules):
        with pytest.raises(InvalidInput, match=r"replay\(rules\.Plateau"):
            replay(rules, {"loss": LOSSES})

    @pytest.mark.parametrize(
        "wrong",
        [
            {"rows": "epochs"},
            {"steps_per_epoch": 0},
            {"steps_per_epoch": "10"},
            {"learning_rate": -0.1},
            {"learning_rate": math.nan},
            {"learning_rate": [0.1]},
        ],
    )
    def test_arguments(self, wrong):
        with pytest.raises(InvalidInput, match="Received"):
            replay(PLATEAU, {"loss": LOSSES}, **wrong)

    def test_values_of_numpy_and_none_are_welcome(self):
        log = {"loss": np.array(LOSSES, "float32"), "val_loss": [None, 1.0, None, 1.0, None, 1.0]}
        assert epochs(replay(PLATEAU, log)) == [3, 5]
        assert epochs(replay(Plateau("val_loss", patience=1), log)) == [3, 5]
