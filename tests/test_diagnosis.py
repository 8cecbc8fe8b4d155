"""The contract of every symptom, and what a diagnosis gives."""

import json
import math

import keras
import numpy as np
import pytest

import keras_lr
from diagnosis_all import CASES, NAMES
from diagnosis_cases import CONSTANT, FALLING, RECOVERED, E, N, run
from helpers import classifier, data
from json_documents import document
from keras_lr.cli import main
from keras_lr.errors import InvalidInput
from keras_lr.watch import Run, diagnose, report
from keras_lr.watch.diagnosis import QUESTIONS
from keras_lr.watch.diagnosis.trend import line_through, own_time, roughness
from keras_lr.watch.run import Curve


def listed(kind):
    return [
        pytest.param(name, each, id=f"{name}: {why}")
        for name in NAMES
        for why, each in getattr(CASES[name], kind).items()
    ]


class TestContract:
    def test_every_symptom_has_its_cases(self):
        assert set(CASES) == set(NAMES)
        assert all(case.ill and case.well and case.untold for case in CASES.values())

    @pytest.mark.parametrize(("name", "made"), listed("ill"))
    def test_found_on_runs_that_show_it(self, name, made):
        found = diagnose(made)
        assert name in found
        symptom = found[name]
        assert symptom.evidence.endswith((".", ".)"))
        assert any(character.isdigit() for character in symptom.evidence)
        assert all((symptom.where, symptom.advice))
        assert symptom.title.lower().startswith(name)
        assert set(symptom.curves) <= set(made.names)
        assert symptom.span is None or 1 <= symptom.span[0] <= symptom.span[1] <= N
        assert symptom.evidence in str(found).replace("\n    ", " ")
        json.dumps(symptom.as_data())

    @pytest.mark.parametrize(("name", "made"), listed("well"))
    def test_not_found_on_runs_that_do_not(self, name, made):
        assert name in diagnose(made).not_found

    @pytest.mark.parametrize(("name", "made"), listed("untold"))
    def test_not_judged_without_enough(self, name, made):
        history, needs = made
        found = diagnose(history)
        assert name not in found
        assert name not in found.not_found
        [told] = [each.needs for each in found.not_judged if each.name == name]
        assert needs in told

    @pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
    def test_what_makes_it_moot_is_asked_before(self, question):
        assert set(question.moot) <= set(NAMES[: NAMES.index(question.name)])

    @pytest.mark.parametrize("scale", [1e-6, 1e6])
    @pytest.mark.parametrize(
        ("name", "made"),
        # The product of rate and decay is a number of updates, and the loss of a guess log(classes).
        [
            case
            for case in listed("ill")
            if case.values[0] != "weight decay dominates"
            and "accuracy" not in case.values[1].history
        ],
    )
    def test_neither_the_scale_of_the_loss_nor_of_the_rate_matters(self, name, made, scale):
        factors = {"loss": scale, "val_loss": scale, "learning_rate": 1 / scale}
        history = {
            key: [value * factors.get(key, 1.0) for value in values]
            for key, values in made.history.items()
        }
        assert name in diagnose(Run(**{**vars(made), "history": history}))


class TestAnswers:
    def test_a_healthy_run(self):
        found = diagnose(run(val_loss=FALLING + 0.1))
        assert found.healthy
        assert not found.found
        assert found.answer == "Nothing found of the 12 problems looked for; 2 not judged."
        assert "nothing found" in str(found)

    def test_divergence_with_its_step_and_its_rate(self):
        made = CASES["diverged"].ill["NaN"]
        symptom = diagnose(made, steps_per_epoch=100)["diverged"]
        assert (symptom.epoch, symptom.step, symptom.severity) == (12, 1300, "bad")
        assert "epoch 13 (step 1300), at a learning rate of 0.1, after 0.2" in symptom.evidence
        assert "set_learning_rate(model, 0.013)" in symptom.code

    def test_the_step_is_exact_where_it_was_recorded(self):
        values = np.where(np.arange(600) < 437, 1.0 - np.arange(600) / 900, np.inf)
        curve = Curve(list(range(1, 601)), values.tolist())
        history = {"loss": [0.7, math.nan], "learning_rate": [0.5, 0.5]}
        symptom = diagnose(Run(history, steps={"loss": curve}))["diverged"]
        assert symptom.step == 438
        assert "step 438, at a learning rate of 0.5" in symptom.evidence

    def test_a_rollback_is_a_note(self):
        found = diagnose(RECOVERED)
        assert not found.ill
        assert found.healthy is None  # most can only be judged by losses that are numbers
        assert found["diverged"].title == "Diverged, and was rolled back"
        assert found.answer.startswith("A note: diverged, and was rolled back, epoch 13")
        assert f"Nothing found of the {len(found.not_found)} other problems" in found.answer

    def test_how_much_higher_or_longer(self):
        symptom = diagnose({"loss": 2.0 - 0.01 * E, "learning_rate": 0.01 * np.ones(N)}).found[0]
        # 1.61 are left, and the run made 0.39: at this pace five runs in all.
        assert symptom.numbers["factor"] == 5
        assert "5 times the rate (0.05), or train 5 times as long" in symptom.advice

    def test_the_rules_that_would_have_cut(self):
        made = CASES["unused plateau"].ill["both flat"]
        symptom = diagnose(made)["unused plateau"]
        for rule in ("Plateau('loss')", "Slope('loss'", "Plateau('val_loss')"):
            assert f"keras_lr.rules.{rule}" in symptom.evidence

    def test_stopped_at_a_share_of_its_plan(self):
        symptom = diagnose(CASES["schedule ended early"].ill["by its plan"])["schedule ended early"]
        assert "after 40 of 50 epochs (80%)" in symptom.evidence
        assert symptom.numbers["share"] == 0.8

    def test_times_the_floor(self):
        made = {"schedule": "linear(end=0.05)", "epochs_planned": 50, "steps_per_epoch": 100}
        rates = 0.1 * (0.05 + 0.95 * (1 - (E[:20] + 1) / 50))
        symptom = diagnose(run(FALLING[:20], rates, made=made)).found[0]
        assert "after 20 of 50 epochs (40%)" in symptom.evidence
        assert "12.4 times the end" in symptom.evidence

    def test_of_several_groups_the_highest_rate_counts(self):
        history = {
            "loss": 2.3 - 0.02 * E,
            "learning_rate_a": 0.5 * CONSTANT,
            "learning_rate_b": CONSTANT,
        }
        assert diagnose(history)["rate too low"].numbers["rate"] == pytest.approx(0.3)

    def test_an_epoch_without_a_rate_has_that_before_it(self):
        made = {"loss": 2.3 - 0.02 * E, "learning_rate": [0.1, *[None] * 20, *[0.05] * 19]}
        assert diagnose(made)["rate too low"].where == "epochs 16 to 40"
        no_rate = diagnose({"loss": FALLING, "learning_rate": [-0.1] * N})
        assert "rate too low" in no_rate.not_found  # as of a run that logged none

    def test_few_epochs_are_judged_at_updates(self):
        steps = list(range(1, 2001))
        curve = Curve(steps, [2.3 - 0.0005 * s for s in steps])
        found = diagnose(Run({"loss": [1.8, 1.5]}, steps={"loss": curve}, steps_per_epoch=1000))
        assert found["rate too low"].where.startswith("steps ")
        assert "falls by 0.0165 in 33 steps" in found["rate too low"].evidence
        assert found["rate too low"].epoch in (0, 1)
        [band] = found.plot().layout.shapes  # on an axis of epochs
        assert 1.0 <= band.x0 < band.x1 <= 2.0

    def test_a_loss_with_another_name(self):
        assert "rate too low" in diagnose({"train_loss": 2.3 - 0.02 * E})
        assert "rate too low" in diagnose({"nll": 2.3 - 0.02 * E}, loss="nll")

    def test_epochs_without_a_value(self):
        values = [None if epoch % 5 else float(FALLING[epoch] + 0.1) for epoch in range(N)]
        found = diagnose({"loss": FALLING, "val_loss": values, "learning_rate": CONSTANT})
        assert found.healthy
        assert "overfitting" in found.not_found

    def test_a_rate_far_too_high_is_told_from_one_too_low(self):
        high, worse = (
            diagnose(CASES["stuck"].ill[f"{why} worse"])["stuck"]
            for why in ("broken, and a quarter", "guesses, and a seventh")
        )
        assert high.title == "Stuck at a rate far too high"
        assert high.severity == "bad"
        assert "stayed at about 10% since" in high.evidence
        assert "or guess" not in high.code
        assert worse.title == "Stuck after the first epoch"
        titles = [
            diagnose({"loss": [first, *[level] * 9], "accuracy": [0.3, *[0.31] * 9]})["stuck"].title
            for first, level in [(10.7, 11.3), (11.3, 11.3), (2.1, 2.17)]  # log(3) is 1.1
        ]
        assert titles == ["Stuck at a rate far too high", "Stuck", "Stuck at a rate too high"]

    def test_little_to_judge_by(self):
        found = diagnose({"loss": [2.0, 1.0, 0.6, 0.5], "lr": [0.1] * 4})
        assert found.answer == "Too short to judge (4 epochs; most problems take up to 12)."
        assert found.healthy is None
        assert found.as_data()["healthy"] is None
        without_a_rate = diagnose({"loss": FALLING})
        assert without_a_rate.healthy is None
        assert not without_a_rate.too_short
        diverged = diagnose({"loss": [2.0, 1.0, math.nan, 0.5]})
        assert diverged.healthy is None
        rising = diagnose({"loss": [2.0, 0.1, 0.1, 1.9, 1.9, 1.9]}, steps_per_epoch=10)
        assert "could not be judged" not in rising.answer  # the others are moot


class TestGivenBack:
    def test_html_is_escaped(self):
        made = {"schedule": None, "name": "<script>alert(1)</script>"}
        found = diagnose(run(2.3 - 0.02 * E, CONSTANT, made=made))
        assert "<script>" not in found._repr_html_()
        assert "&lt;script&gt;" in found._repr_html_()

    def test_no_control_character_reaches_the_terminal(self):
        found = diagnose(Run({"lo\x1b[31mss": [1.0] * 9}, name="a\x1b\u202e"), loss="lo\x1b[31mss")
        assert not {"\x1b", "\u202e"} & set(str(found))

    def test_the_figure_shades_each_finding(self):
        found = diagnose(CASES["unused plateau"].ill["both flat"])
        figure = found.plot()
        assert [shape.x0 for shape in figure.layout.shapes] == [20.5]
        assert "Unused plateau" in [note.text for note in figure.layout.annotations]

    def test_a_page(self, tmp_path):
        found = diagnose(CASES["schedule overrun"].ill["set to 0"])
        section = found.section()
        assert section.answer == found.answer
        page = report(found, tmp_path / "page.html").read_text()
        assert "Schedule overrun" in page

    def test_the_gravest_comes_first(self):
        rates = 0.1 * (1 - (E + 1) / 80)
        broken = np.where(E < 1, 40, 2.33 + 0.0001 * (E % 3))
        found = diagnose(run(broken, rates)).found
        assert [symptom.severity for symptom in found] == ["bad", "warning"]


class TestRealFits:
    """Without keras-lr in the run, and with its monitor."""

    def test_a_rate_that_diverges(self, tmp_path, capsys):
        x, y = data(128)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(1e12), "mse")
        log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
        history = model.fit(x, 1e3 * y[:, None], epochs=4, verbose=0, callbacks=[log])
        assert "diverged" in diagnose(history)
        assert main(["doctor", str(tmp_path / "log.csv")]) == 0
        assert "Diverged" in capsys.readouterr().out

    @pytest.mark.parametrize(("rate", "broken"), [(1e3, True), (0.1, False)])
    def test_a_rate_that_breaks_the_net(self, rate, broken):
        x, y = data(128, classes=4)
        keras.utils.set_random_seed(0)
        model = classifier(
            keras.optimizers.SGD(rate, momentum=0.9), classes=4, metrics=["accuracy"]
        )
        history = model.fit(x, y, batch_size=16, epochs=8, verbose=0)
        titles = [each.title for each in diagnose(history).found]
        # TensorFlow takes the softmax and its logarithm as one, which overflows instead.
        finite = np.isfinite(history.history["loss"]).all()
        told = "Stuck at a rate far too high" if finite else "Diverged"
        assert (told in titles) is broken

    @pytest.mark.parametrize(("decay", "dominates"), [(0.5, True), (1e-3, False)])
    def test_weight_decay_by_the_norm(self, decay, dominates):
        x, y = data(128)
        keras.utils.set_random_seed(0)
        model = classifier(keras.optimizers.SGD(0.05, weight_decay=decay))
        names = ("weight_norm", "norm_equilibrium")
        monitor = keras_lr.callbacks.LearningRateMonitor(statistics=names)
        history = model.fit(x, y, batch_size=8, epochs=12, verbose=0, callbacks=[monitor])
        history.params.pop("steps")  # so that the time scale of the decay can't be told
        found = diagnose(history)
        assert ("weight decay dominates" in found) is dominates
        if dominates:
            assert "‖w‖ came down" in found["weight decay dominates"].evidence


class TestRefused:
    @pytest.mark.parametrize(
        ("history", "arguments", "told"),
        [
            ({"accuracy": [0.1, 0.2]}, {}, 'loss="..."'),
            ({"los": [0.1, 0.2]}, {"loss": "lss"}, "Did you mean 'los'"),
            ({"loss": [0.1]}, {"loss": 3}, "Received: loss=3"),
            ({"loss": [0.1]}, {"steps_per_epoch": 0}, "steps_per_epoch"),
            (3, {}, "Received: 3"),
        ],
    )
    def test_with_what_to_write(self, history, arguments, told):
        with pytest.raises(InvalidInput) as error:
            diagnose(history, **arguments)
        assert told in str(error.value)

    @pytest.mark.parametrize(
        "values", [[0.5], [0.0] * 30, [1e308] * 30, [-3.0] * 30, [1e-320] * 30]
    )
    def test_odd_losses_break_nothing(self, values):
        assert str(diagnose({"loss": values, "learning_rate": [0.0] * len(values)}))
        assert str(diagnose({"loss": values, "learning_rate": [0.1] * len(values)}))


class TestDoctor:
    @pytest.fixture
    def log(self, tmp_path):
        lines = [f"{e},{2.3 - 0.02 * e},0.001" for e in range(30)]
        path = tmp_path / "log.csv"
        path.write_text("\n".join(["epoch,loss,learning_rate", *lines, ""]))
        return path

    def test_a_csv_log(self, log, capsys):
        assert main(["doctor", str(log)]) == 0
        assert "Rate too low" in capsys.readouterr().out

    def test_json(self, log, capsys):
        assert main(["doctor", str(log), str(log), "--json"]) == 0
        told = document(capsys.readouterr().out)
        assert [d["found"][0]["name"] for d in told["diagnoses"]] == ["rate too low"] * 2

    def test_nan_is_json_too(self, tmp_path, capsys):
        path = tmp_path / "history.json"
        path.write_text(json.dumps({"loss": [1.0, 0.5, math.nan], "lr": [0.1] * 3}))
        assert main(["doctor", str(path), "--json"]) == 0
        told = document(capsys.readouterr().out)
        assert told["diagnoses"][0]["found"][0]["epoch"] == 2

    def test_tensorboards_event_files(self, tmp_path, capsys):
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        writer = EventFileWriter(str(tmp_path))
        for epoch in range(30):
            for tag, value in (("epoch_loss", 2.3 - 0.02 * epoch), ("epoch_learning_rate", 0.001)):
                values = [summary_pb2.Summary.Value(tag=tag, simple_value=value)]
                writer.add_event(
                    event_pb2.Event(step=epoch, summary=summary_pb2.Summary(value=values))
                )
        writer.close()
        assert main(["doctor", str(tmp_path)]) == 0
        assert "4 times the rate (0.004)" in " ".join(capsys.readouterr().out.split())

    def test_a_page(self, log, tmp_path, capsys):
        assert main(["doctor", str(log), "--out", str(tmp_path / "d.html")]) == 0
        assert "Rate too low" in (tmp_path / "d.html").read_text()

    def test_it_asks_for_its_own_options(self, tmp_path, capsys):
        lines = [f"{e},{1 / (1 + e)},0.1,0.01" for e in range(12)]
        header = "epoch,loss,learning_rate,weight_decay"
        (tmp_path / "decay.csv").write_text("\n".join([header, *lines, ""]))
        assert main(["doctor", str(tmp_path / "decay.csv")]) == 0
        told = " ".join(capsys.readouterr().out.split())
        assert "the updates of an epoch: --steps-per-epoch N." in told
        assert "diagnose(" not in told

    def test_a_folder_that_there_is_not_is_made_and_named(self, log, tmp_path, capsys):
        page = tmp_path / "new" / "d.html"
        assert main(["doctor", str(log), "--out", str(page), "--js", "cdn"]) == 0
        assert str(page) in capsys.readouterr().out
        assert page.exists()

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("model.keras", "PK\x03", ["is a model", "CSVLogger('training.csv')"]),
            ("three.py", "import keras\nf(1, 2)\n", ["is a program", "(.jsonl)"]),
            ("notes.txt", "import keras\nf(1, 2)\n", ["no CSV file", "CSVLogger"]),
            ("bare.csv", "0,1.0\n1,0.5\n", ["names of its columns", "above the first row"]),
        ],
    )
    def test_what_is_no_log(self, tmp_path, capsys, name, text, told):
        (tmp_path / name).write_text(text)
        assert main(["doctor", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert name in error
        assert all(words in error for words in told)

    def test_refused(self, log, capsys):
        assert main(["doctor"]) == 2
        assert main(["doctor", str(log), "--loss", "lss"]) == 2
        assert "--loss NAME" in capsys.readouterr().err


def test_lines():
    x = np.arange(10.0)
    assert line_through(x, 3 - 2 * x).slope == pytest.approx(-2)
    noisy = line_through(x, 3 - 2 * x + np.tile([0.1, -0.1], 5))
    slope, error = np.polyfit(x, 3 - 2 * x + np.tile([0.1, -0.1], 5), 1, cov=True)
    assert noisy.slope == pytest.approx(slope[0])
    assert noisy.error == pytest.approx(math.sqrt(error[0, 0]))
    assert line_through([1.0, 1.0], [2.0, 3.0]).falls == 0
    assert line_through(range(1, 10), [-0.31] * 9).falls == 0


def test_roughness_is_that_of_the_noise():
    noise = np.random.default_rng(0).normal(size=5000)
    assert roughness(noise + np.arange(5000)) == pytest.approx(1, rel=0.05)


def test_own_time_is_the_sum_of_the_rates():
    assert own_time(np.full(4, 3.0)) == pytest.approx([0.5, 1.5, 2.5, 3.5])
