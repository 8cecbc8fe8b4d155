"""What the report draws of runs beside loss and rate, and of studies beside their best."""

import html
import math
import re
import sys
from dataclasses import replace

import numpy as np
import pytest

import keras_lr
import keras_lr.watch.diagnosis.diagnose
import watch_results as results
from keras_lr.finder.finding import Finding
from keras_lr.tuner.confirm import Candidate, Confirmation
from keras_lr.watch import Run, figures, terminal
from keras_lr.watch.answers import run_answer, runs_answer, study_answer, study_counts, study_engine
from keras_lr.watch.diagnosis.symptoms import QUESTIONS
from keras_lr.watch.examined import NEXT, examine
from keras_lr.watch.live.progress import latest
from keras_lr.watch.notebook.sketch import Series, sketch
from keras_lr.watch.report import sections_of
from keras_lr.watch.report.chart_table import chart_table
from keras_lr.watch.report.page import page, split_answer
from keras_lr.watch.report.runs import runs_section
from keras_lr.watch.report.sections import section
from keras_lr.watch.run import Curve
from keras_lr.watch.run.axis import line
from keras_lr.watch.run.recorded import metric_names


def trace(figure, name):
    return next(t for t in figure.data if t.name and t.name.startswith(name))


def titles(part):
    return [chart.figure.layout.title.text for chart in part.charts]


def recorded():
    """A run with all that a monitor records."""
    epochs = range(4)
    layers = {"update_ratio": 1e-3, "update_ratio/dense": 2e-3, "update_ratio/out": 1e-5}
    parts = {"rate/base": 0.1}
    others = {
        "accuracy": 0.5,
        "gradient_norm": 2.0,
        "weight_norm": 9.0,
        "momentum": 0.9,
        "batch_size": 32.0,
    }
    history = {"loss": [2.0, 1.5, 1.2, 1.1], "learning_rate": [0.1] * 4}
    history |= {name: [value] * 4 for name, value in {**layers, **parts, **others}.items()}
    history["rate/schedule"] = [1.0, 0.9, 0.6, 0.3]
    history["rate/plateau"] = [1.0, 1.0, 0.25, 0.25]
    assert all(len(history[name]) == len(epochs) for name in history)
    return Run(history, name="Recorded", settings={"optimizer": "SGD"})


def compared(runs):
    return runs_section([examine(run) for run in runs])


def test_a_run_shows_what_was_recorded_and_nothing_else():
    part = section(recorded())
    assert titles(part) == [
        "Loss and learning rate",
        "Metrics",
        "Update/weight ratio by layer",
        "What the rate is made of",
        "Norm of the gradient",
        "Norm of the weights",
    ]
    metrics, updates, parts, norms, _ = (chart.figure for chart in part.charts[1:])
    assert [t.name for t in metrics.data] == ["accuracy"]
    assert [t.name for t in updates.data] == ["all weights", "dense", "out"]
    assert updates.layout.yaxis.type == "log"
    assert [s.y0 for s in updates.layout.shapes] == [1e-3]
    assert [t.name for t in parts.data] == ["base", "schedule", "plateau"]
    assert [t.name for t in norms.data] == ["all weights"]
    assert part.small == ["optimizer: SGD"]
    still = recorded()
    still = replace(still, history={**still.history, "rate/plateau": [1.0] * 4})
    assert "What the rate is made of" not in titles(section(still)), "the rate's curve once more"
    assert titles(section(results.run())) == ["Loss and learning rate"]


def test_many_layers_are_a_scale_of_colours_with_its_ends_named():
    layers = {f"update_ratio/layer_{n}": [1e-3, 1e-4] for n in range(40)}
    figure = figures.updates_figure(Run({"loss": [1.0, 0.5], **layers}))
    assert [t.name for t in figure.data if t.showlegend is not False] == ["layer_0", "layer_39"]
    assert len({t.line.color for t in figure.data}) >= 39
    assert all("layer_" in t.hovertemplate for t in figure.data)


def test_values_at_updates_lie_between_the_epochs():
    curve = Curve([5, 10, 15, 20], [4.0, 3.0, math.nan, 1.0])
    run = Run({"loss": [3.0, 1.0]}, steps={"loss": curve}, steps_per_epoch=10)
    assert line(run, "loss") == ([0.5, 1.0, 1.5, 2.0], [4.0, 3.0, None, 1.0])
    alone = Run({}, steps={"loss": curve})
    assert line(alone, "loss")[0] == [5, 10, 15, 20]
    figure = figures.history_figure(alone)
    assert figure.layout.xaxis.title.text == "step"
    assert run_answer(alone).startswith("loss went from 4 to 1 in 20 updates. Lowest 1 in step 20")
    assert section(alone).charts


def test_a_multi_optimizers_rates_are_told_apart():
    rates = {"learning_rate_body": [0.1, 0.05], "learning_rate_head": [1.0, 0.5]}
    figure = figures.history_figure({"loss": [1.0, 0.5], **rates})
    assert [t.name for t in figure.data if t.yaxis == "y2"] == ["body", "head"]
    assert len({t.line.dash for t in figure.data if t.yaxis == "y2"}) == 2


@pytest.mark.parametrize(
    ("rate", "loss", "validation"),
    [("lr", "Loss/train", "Loss/val"), ("train/learning_rate", "train/loss", "eval/loss")],
)
def test_names_of_runs_without_keras_lr_mean_the_same_everywhere(rate, loss, validation):
    rates = [0.2, 0.2, 0.1, 0.1, 0.05, 0.05, 0.02, 0.0]
    falling = [2.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.7, 0.6]
    validated = [value + 0.1 for value in falling]
    run = Run({loss: falling, validation: validated, rate: rates, "accuracy": falling})
    assert (run.rates, run.loss, run.validation_loss) == ([rate], loss, validation)
    figure = figures.history_figure(run)
    assert {(t.name, t.yaxis) for t in figure.data} == {
        (loss, None),
        (validation, None),
        ("learning rate", "y2"),
    }
    assert metric_names(run) == ["accuracy"]
    assert run_answer(run).startswith(f"{validation} went from 2.1 to 0.7")
    keras = Run({"loss": falling, "val_loss": falling, "learning_rate": rates}, name="Keras")
    assert runs_answer([run, keras]) == f"Keras came lowest: {validation} 0.6; Training 0.7."
    rates[2:] = [0.0] * 6
    (idle,) = keras_lr.diagnose(Run({loss: falling, rate: rates})).found
    assert (idle.name, idle.curves) == ("schedule overrun", (rate,))


def test_several_runs_are_compared():
    slow = Run({"loss": [2.0, 1.9], "learning_rate": [0.01, 0.01]}, name="Slow")
    runs = [slow, Run({"loss": [2.0, 1.0]}), {"loss": [2.0, math.nan]}, slow]
    runs[2] = Run.of(runs[2])
    parts = sections_of(runs)
    assert [part.title for part in parts] == [
        "The runs compared", "Slow", "Training", "Training", "Slow",
    ]  # fmt: skip
    assert parts[0].answer == (
        "Training 1 came lowest: loss 1; Slow 1 1.9; Slow 2 1.9; Training 2 ended as NaN."
    )
    figure = parts[0].charts[0].figure
    above = [t.name for t in figure.data if t.yaxis != "y2"]
    assert above == ["Slow 1", "Training 1", "Training 2", "Slow 2"]
    assert len([t for t in figure.data if t.yaxis == "y2"]) == 2
    assert [row[0] for row in parts[0].tables[0].rows] == [
        "Training 1", "Slow 1", "Slow 2", "Training 2",
    ]  # fmt: skip
    assert parts[0].tables[0].rows[-1][1] == "Diverged"
    chance = [2.3026 + 0.003 * math.sin(9.0 * epoch) for epoch in range(30)]
    lost = [Run({"loss": chance, "learning_rate": [0.1] * 30}, name=name) for name in "ab"]
    assert compared(lost).answer.startswith("Even the best run failed: ")
    both = compared([*lost, Run({"loss": [2.0 * 0.8**e for e in range(30)]}, name="Sound")])
    stuck = keras_lr.diagnose(lost[0]).found[0].title
    failed = f" Failed: a ({stuck}; lowest 2.3), b ({stuck}; lowest 2.3)."
    assert both.answer.endswith(failed), "not only how low they came"
    assert [row[1] for row in both.tables[0].rows][1:] == [stuck] * 2
    assert both.tables[0].rows[0][1].startswith("nothing; ")
    back = [1.0, 0.05, 50.0, 60.0, *[70.0] * 4]
    long = Run({"loss": [2.0 * 0.9**e for e in range(30)]}, name="Long")
    told = compared([Run({"loss": back}, name="Dip"), long])
    assert told.answer.startswith("Long came lowest: loss 0.0942. Failed: Dip (")
    assert [row[0] for row in told.tables[0].rows] == ["Long", "Dip"]
    assert len(sections_of([slow])) == 1
    assert runs_answer([Run({"a": [1.0]}), Run({"b": [1.0]})]) == "2 runs that share no loss."


NAN = math.nan


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        ([2, 1, NAN, NAN], "loss ended as NaN after 4 epochs. It began at 2; lowest 1 in epoch 2; NaN since epoch 3."),
        ([math.inf, 1], "loss went from ∞ to 1 in 2 epochs. Lowest 1 in epoch 2."),
        ([0.5], "loss 0.5 after 1 epoch."),
        ([NAN] * 3, "loss was never a number in 3 epochs. It ended as NaN."),
    ],
)  # fmt: skip
def test_a_loss_that_is_no_number_is_in_the_headline(loss, told):
    assert run_answer(Run({"loss": loss})) == told
    later = run_answer(Run({"loss": loss}, first_epoch=3))
    assert (f" in epochs 4 to {3 + len(loss)}" if len(loss) > 1 else " after epoch 4") in later
    assert ("NaN" in told) == ("NaN" in split_answer(told)[0] or "never" in split_answer(told)[0])


def test_what_is_wrong_comes_before_how_far_a_run_came(monkeypatch):
    ill = Run({"loss": [2.0, 1.0, *[math.nan] * 6], "lr": [0.1] * 8}, name="Ill")
    part = section(ill)
    assert part.answer == keras_lr.diagnose(ill).answer
    assert part.notes[1] == run_answer(ill), "the course is told beside it"
    found = keras_lr.diagnose(ill).found[0]
    for each in (part, keras_lr.diagnose(ill).section()):
        told = re.sub("<script.*?</script>", "", page([each]), flags=re.DOTALL)
        words = found.advice, found.evidence
        assert [told.count(html.escape(each)) for each in words] == [1, 1], "and not twice"
    assert found.code in part.code
    assert part.answer in html.unescape(ill._repr_html_()), "in a notebook too"
    well = Run({"loss": [2.0 * 0.8**e for e in range(20)]}, name="Well")
    part = section(well)
    assert part.answer == run_answer(well)
    assert part.notes[0] == keras_lr.diagnose(well).answer
    assert "it takes the learning rate at each epoch: list " in part.notes[1]
    assert part.notes[2] == NEXT
    assert not any(table.open for table in part.tables)
    short = section(Run({"loss": [1.0]}))
    assert short.notes[0].startswith("Too short to judge (1 epoch;")
    assert NEXT not in short.notes
    assert section(Run({"mae": [1.0]})).notes[0].startswith("Not examined: Training has no 'loss'")

    def fails(evidence):
        return 1 // 0

    broken = [replace(question, judge=fails, needs=()) for question in QUESTIONS]
    monkeypatch.setattr(sys.modules["keras_lr.watch.diagnosis.diagnose"], "QUESTIONS", broken)
    told = page([section(well)])
    assert "Not judged" in told
    assert "ZeroDivisionError" in told


def test_only_runs_that_can_be_compared_are():
    def run(name, **history):
        return Run(history, name=name)

    good = run("good", loss=[2, 0.5])
    assert runs_answer([run("lost", loss=[2, 0.1, NAN]), good]) == (
        "good came lowest: loss 0.5; lost ended as NaN."
    )
    assert runs_answer([run("lost", loss=[2, NAN]), run("too", loss=[NAN])]) == (
        "None of 2 runs kept a finite loss: lost ended as NaN; too ended as NaN."
    )
    assert runs_answer([good, run("judged", loss=[2, 1], val_loss=[2, 1])]) == (
        "good came lowest: loss 0.5; judged 1; "
        "judged by the loss in training, as good logged no val_loss."
    )
    assert runs_answer([good, run("only", val_loss=[2, 1])]) == "2 runs that share no loss."
    others = [run("none", accuracy=[1.0]), run("next", loss=[2, 1])]
    assert runs_answer([good, *others]) == "good came lowest: loss 0.5; next 1; no loss in none."
    many = runs_answer([run(f"run {n}", loss=[99, n + 1]) for n in range(60)])
    assert many == "run 0 came lowest: loss 1; run 1 2; run 2 3; run 3 4; run 4 5; and 55 more."


def test_a_long_run_keeps_its_lowest_in_words_charts_tables_and_sketches():
    loss = [1.0 + (n % 7) for n in range(1500)]
    loss[751] = 0.001
    run = Run({"val_loss": loss}, name="dip")
    assert "Lowest 0.001 in epoch 752" in run_answer(run)
    assert latest(run)[0].endswith("(lowest 0.001, epoch 752)")
    other = Run({"val_loss": [1.0, 0.5]}, name="other")
    assert runs_answer([run, other]).startswith("dip came lowest")
    assert compared([run, other]).tables[0].rows[0][3] == "0.001"
    drawn = figures.history_figure(run).data[0]
    assert len(drawn.x) <= 1000
    assert (752, 0.001) in zip(drawn.x, drawn.y, strict=True)
    assert (drawn.x[0], drawn.x[-1]) == (1, 1500)
    assert ">0.001<" in sketch([Series(range(1500), loss)], x="", y="")
    gone = [1.0] * 1000 + [NAN] * 1000
    assert line(Run({"loss": gone}), "loss")[1][-1] is None


def test_a_table_stands_behind_each_chart():
    figure = figures.history_figure({"loss": [1.0, math.nan, 0.5], "learning_rate": [0.1] * 3})
    table = chart_table(figure)
    assert table.header == ["epoch", "loss", "learning rate"]
    assert table.rows == [["1", "1", "0.1"], ["2", "", "0.1"], ["3", "0.5", "0.1"]]
    long = chart_table(figures.history_figure({"loss": list(np.linspace(1, 2, 400))}))
    assert 25 <= len(long.rows) <= 50
    assert long.title == "Data of this chart, 50 of 400 rows"
    wide = chart_table(figures.runs_figure([Run({"loss": [2.0, 1.0]})] * 30))
    assert wide.title == "Data of this chart, 15 of 30 curves"
    assert chart_table(figures.comparison_figure(results.comparison())).rows
    header = chart_table(figures.best_trials_figure(results.study(), count=2)).header
    assert len(header) == 3, "the others are a backdrop"
    assert "Data of “Loss”" in page([section(Run({"loss": [1.0]}))]), "it has no rate"


@pytest.mark.parametrize(
    ("answer", "head"),
    [
        ("Use 0.12 with momentum 0.9, one-cycle: test accuracy 98 %.", "Use 0.12 with momentum 0.9, one-cycle"),
        ("Use 0.3 with momentum 0.5, constant | warmup(5%) | cooldown(20%), Plateau: 97 %.", "Use 0.3 with momentum 0.5, constant | warmup(5%) | cooldown(20%), Plateau"),
        ("Use a learning rate of 0.21. Anything from 0.1 to 0.3.", "Use a learning rate of 0.21."),
        ("cosine | warmup(5%)", "cosine | warmup(5%)"),
    ],
)  # fmt: skip
def test_the_headline_is_short(answer, head):
    assert split_answer(answer)[0] == head
    assert answer.endswith(split_answer(answer)[1])
    assert len("".join(split_answer(answer))) >= len(answer) - 2, "a colon and a space"


def test_a_continuous_momentum_is_a_scale_and_none_is_constant():
    study = results.study()
    for index, trial in enumerate(study.trials):
        trial.params["momentum"] = index / 50
        trial.params["schedule"] = [None, "none", "cosine"][index % 3]
    figure = figures.study_figure(study)
    assert not [t for t in figure.data if (t.name or "").startswith("momentum")]
    scaled = [t for t in figure.data if t.marker.colorbar.title.text == "momentum"]
    assert len(scaled) == 1
    assert len(figure.data) < 10
    assert "constant" in [t.name for t in figure.data]
    few = replace(
        study,
        trials=[replace(t, params={**t.params, "momentum": 0.123456}) for t in study.trials[:3]],
    )
    ticks = figures.momentum_figure(few).layout.yaxis.ticktext
    assert "0.9" in ticks
    assert "0.123456" not in ticks
    rows = section(study).tables[-1].rows
    assert {row[-1] for row in rows} == {"constant", "cosine"}


def confirmed(*, lucky):
    """A study whose second best was chosen."""
    study = results.study()
    first, second = sorted(
        (t for t in study.trials if t.state == "complete"), key=lambda t: t.value
    )[:2]
    shift = 0.02 if lucky else -0.02
    found = [
        Candidate(t.number, t.params, t.value, (t.value + shift, t.value + shift + extra))
        for t, extra in ((second, 0.0), (first, 0.01))
    ]
    study.confirmation = Confirmation("val_loss", "minimize", (1, 2), tuple(found))
    study.confirmed = second
    return study, first, second


@pytest.mark.parametrize("lucky", [True, False])
def test_the_ring_is_the_confirmed_choice_and_the_caption_is_true(lucky):
    study, first, second = confirmed(lucky=lucky)
    for draw in (figures.study_figure, figures.momentum_figure):
        figure = draw(study)
        assert trace(figure, "chosen: ").x[0] == second.params["learning_rate"]
        assert trace(figure, "best single trial").x[0] == first.params["learning_rate"]
    assert trace(figures.best_trials_figure(study), "chosen: ").name.startswith(
        f"chosen: #{second.number} "
    )
    caption = section(study).charts[0].caption
    assert ("mostly better than the mean" in caption) == lucky
    assert ("no better than the mean" in caption) == (not lucky)


def test_how_trials_ran_is_told_apart_from_what_they_say():
    study = results.study()
    assert "compiled" not in study_counts(study) + study_answer(study)
    assert study_engine(study).startswith("All trials ran through one compiled JAX program (")
    study.engine = study.plan = ""
    assert study_engine(study) == ""
    assert "How it was run" not in page([section(study)])


def test_in_the_terminal_a_lost_member_does_not_flatten_the_others(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rates = np.geomspace(1e-3, 10, 9)
    losses = np.array([2.0, 1.5, 1.0, 0.6, 0.4, 0.3, 0.5, 50.0, 1e4])
    text = terminal.finding_curve(Finding(0.1, rates, losses, "", "race"))
    assert "logarithmic" in text
    rows = [row for row in text.splitlines() if row.startswith("│")]
    lowest = max(i for i, row in enumerate(rows) if set(row[2:20]) & set("▀▄▌▐█▖▗▘▝▞▚"))
    highest = min(i for i, row in enumerate(rows) if set(row[2:20]) & set("▀▄▌▐█▖▗▘▝▞▚"))
    assert lowest > highest, "the sound rates show a slope"
    flat = terminal.finding_curve(Finding(0.1, rates, losses.clip(max=2), "", "race"))
    assert "logarithmic" not in flat
