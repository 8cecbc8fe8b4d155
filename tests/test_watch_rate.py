"""What a report says and draws of the rate, and of numbers that no axis was made for."""

import math
from dataclasses import replace

import pytest

import watch_results as results
from keras_lr.callbacks.record import RunRecord
from keras_lr.state.rate_event import RateEvent
from keras_lr.watch import Run, figures
from keras_lr.watch.answers import run_answer
from keras_lr.watch.examined import examine
from keras_lr.watch.notebook.sketch import Series, sketch
from keras_lr.watch.rate_changes import RateChanges
from keras_lr.watch.report import sections_of
from keras_lr.watch.report.page import page
from keras_lr.watch.report.runs import runs_section, settings_lines
from keras_lr.watch.report.sections import section
from keras_lr.watch.run import Curve
from keras_lr.watch.run.recorded import metric_names

NAN, INF = math.nan, math.inf


def trace(figure, name):
    return next(t for t in figure.data if t.name and t.name.startswith(name))


def titles(part):
    return [chart.figure.layout.title.text for chart in part.charts]


def axis_titles(figure):
    return [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]


ODD = {
    "zeros": [0.0] * 6,
    "one of USUAL's size": [1e-3] * 6,
    "no numbers": [NAN] * 6,
    "infinite": [INF] * 6,
    "one number": [NAN, 0.5, NAN, NAN, NAN, NAN],
    "huge": [1e308, 1.7e308, 1e300, 1.0, 1.0, 1e308],
    "tiny": [5e-324, 1e-320, 1e-310, 1e-308, 1.0, 5e-324],
    "both": [1.7e308, -1.7e308, 0.0, 5e-324, NAN, -INF],
    "negative": [-1.0, -2.0, -3.0, -1e-9, -5.0, -6.0],
}
CURVES = ("loss", "val_loss", "learning_rate", "accuracy", "update_ratio", "update_ratio/a",
          "gradient_norm", "weight_norm", "rate/base", "rate/schedule", "batch_size")  # fmt: skip


@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_no_chart_costs_the_page(values):
    falling = [2.0, 1.0, 0.5, 0.4, 0.3, 0.2]
    odd = Run(dict.fromkeys(CURVES, values), name="All of it")
    events = [RateEvent(2, 1, "set", 0.0, 0.0, "a")]
    curve = Curve(range(1, 7), values)
    runs = [
        odd,
        replace(odd, events=events),
        Run({**odd.history, "loss": falling, "learning_rate": [0.1] * 6}, name="All but the loss"),
        Run({}, steps={"loss": curve, "learning_rate": curve, "update_ratio": curve}),
    ]
    assert "</html>" in page(sections_of(runs), js="cdn")
    for run in runs:
        assert run._repr_html_()
        assert run_answer(run)


def test_a_run_that_was_lost_from_its_start_has_a_page():
    part = section(
        Run({"loss": [NAN] * 10, "learning_rate": [0.1] * 10, "update_ratio": [NAN] * 10})
    )
    assert part.answer.startswith("Diverged")
    assert titles(part) == ["Loss and learning rate"], "nothing of the others can be drawn"
    part = section(Run({"loss": [2.0, 1.0], "update_ratio": [1e-3, 0.0]}))
    assert part.charts[-1].caption.endswith(
        "Gaps are updates of 0, which a logarithmic axis hasn't got."
    )
    assert list(part.charts[-1].figure.data[0].y) == [1e-3, None]


def test_an_event_lies_at_its_update():
    run = replace(results.run(), steps_per_epoch=30)
    (mark,) = trace(figures.history_figure(run), "cut").x
    assert mark == pytest.approx(352 / 30)
    events = [replace(run.events[0], epoch=e) for e in range(20)]
    many = trace(figures.history_figure(Run(run.history, events)), "cut")
    assert len(many.x) == 20
    assert all(many.hovertext)
    assert 8 <= sum(map(bool, many.text)) <= 16
    mixed = [replace(e, cause="ab"[e.epoch % 2]) for e in events]
    named = trace(figures.history_figure(Run(run.history, mixed)), "cut or change").text
    assert 4 <= sum(map(bool, named)) <= 7, "names take more room"
    assert named[0] == "a ×0.5"
    facing = [
        replace(run.events[0], epoch=e, cause=str(e)) for e in (13, 16)
    ]  # one to the right, one to the left
    labels = trace(figures.history_figure(Run(run.history, facing)), "cut").text
    assert [bool(label) for label in labels] == [True, False], "they would lie over each other"


def test_the_labels_of_a_run_that_went_on_are_placed_as_those_of_one_that_began():
    first = RateEvent(1, 1, "plateau", 0.5, 0.1, "")
    events = [replace(first, epoch=epoch) for epoch in (1, 5, 9)]
    began = Run({"loss": [1.0] * 10, "lr": [0.1] * 10}, events)
    late = replace(began, events=[replace(e, epoch=e.epoch + 90) for e in events], first_epoch=90)
    marks = [trace(figures.history_figure(run), "cut") for run in (began, late)]
    assert marks[0].text == marks[1].text == ("×0.5",) * 3
    assert marks[0].textposition == marks[1].textposition


def test_hundreds_of_cuts_are_drawn_at_once():
    events = [RateEvent(i, i, "plateau", 0.99, 0.1, "") for i in range(300)]
    figure = figures.history_figure({"loss": [1.0] * 300}, RunRecord(events=events))
    assert len(figure.layout.shapes) == 300
    assert {shape.yref for shape in figure.layout.shapes} == {"paper"}, "through both panels"


def test_a_rate_that_fell_is_no_rate_that_never_changed():
    fell = [0.2] * 4 + [0.02] * 4 + [2e-3] * 4 + [2e-4] * 4 + [2e-5] * 4
    rates = {"Cut": fell, "Constant": [0.1] * 20, "Cosine": [1.1**-e for e in range(20)]}
    runs = [Run({"loss": [1.0] * 20, "lr": found}, name=name) for name, found in rates.items()]
    runs += [Run({"loss": [1.0] * 20}, name="Unknown"), replace(results.run(), name="Told")]
    rows = {row[0]: row[-1] for row in runs_section([examine(run) for run in runs]).tables[0].rows}
    assert rows == {
        "Cut": "4 cuts",
        "Constant": "none",
        "Cosine": "falls all along",
        "Unknown": "not recorded",
        "Told": "1",
    }
    assert "; the rate was cut 4 times, 0.2 → 2e-05." in run_answer(runs[0])
    assert [RateChanges.of(run).count for run in runs] == [4, 0, None, None, 1], "as --json has it"


def test_who_cut_is_named():
    reason = "ReduceLROnPlateau assigned it"
    events = [RateEvent(8 * e, e, "set", 0.1, 0.1 ** (e + 1), reason) for e in (1, 2)]
    events.append(RateEvent(30, 3, "divergence", 1.0, 0.001, "went back, without a cut"))
    run = Run({"loss": [2.0, 1.5, 1.2, 1.0], "lr": [0.1, 0.01, 0.001, 0.001]}, events)
    assert run_answer(run).endswith("; ReduceLROnPlateau cut the rate twice, 0.1 → 0.001.")
    assert trace(figures.history_figure(run), "cut by ReduceLROnPlateau").text[0] == "×0.1"
    part = section(run)
    assert "ReduceLROnPlateau cut the rate twice" in part.charts[0].caption
    assert [row[1] for row in part.tables[-1].rows] == ["ReduceLROnPlateau"] * 2 + ["divergence"]
    # However it is counted, the one that kept the rate isn't a change of it.
    assert "2 changes" in repr(run)
    assert RateChanges.of(run).count == 2
    assert RateChanges.of(run).table_words() == "2"
    many = section(Run(run.history, events * 5)).tables[-1]
    assert (many.open, many.below) == (True, True), "below the charts, with the causes to read"
    both = [*events[:1], replace(events[1], cause="plateau", reason="no better")]
    told = run_answer(Run(run.history, both, schedule="cosine()"))
    assert (
        "ReduceLROnPlateau cut the rate once; plateau cut it once (×0.01 in all) beside cosine"
        in told
    )
    unknown = [replace(events[0], reason="a callback, or somebody else, assigned it")]
    assert "something outside set the rate once, 0.1 → 0.01" in run_answer(
        Run(run.history, unknown)
    )


def test_a_record_and_a_name_go_to_a_run_too():
    run = Run({"loss": [2.0, 1.0]})
    record = RunRecord(10.0, 5, "linear()", [RateEvent(1, 0, "plateau", 0.5, 0.1, "")])
    found = Run.of(run, record, name="Mine")
    assert (found.name, found.schedule, found.epochs_planned) == ("Mine", "linear()", 5)
    assert (found.steps_per_epoch, len(found.events)) == (10.0, 1)
    assert Run.of(run) is run


def test_a_metric_whose_name_begins_as_a_setting_is_drawn():
    names = ("momentum_error", "alignment_score", "batch_size_ok", "alignment", "momentum_body",
             "update_ratio/body", "learning_rate_body")  # fmt: skip
    run = Run({"loss": [1.0], **{name: [1.0] for name in names}})
    assert metric_names(run) == ["momentum_error", "alignment_score", "batch_size_ok"]


def test_a_logarithmic_axis_says_so_and_ticks_are_plain():
    far = [10.0**-e for e in range(6)]
    run = Run({"loss": far, "learning_rate": far, "update_ratio": far})
    assert axis_titles(figures.history_figure(run)) == [
        "epoch",
        "loss (log)",
        "learning rate (log)",
    ]
    assert figures.updates_figure(run).layout.yaxis.title.text.endswith(" (log)")
    assert figures.updates_figure(run).data[0].hovertemplate.endswith("<extra>all weights</extra>")
    assert axis_titles(figures.finding_figure(results.finding()))[0] == "learning rate (log)"
    assert "loss (log)" in sketch([Series(range(6), far)], x="epoch", y="loss", y_spread=10)
    near = figures.history_figure({"loss": [2.0, 1.0], "learning_rate": [2e-5, 1e-5]})
    assert axis_titles(near) == ["epoch", "loss", "learning rate"]
    assert near.layout.yaxis2.ticktext[-1] == "2e-05", "as in the tables"
    assert near.layout.xaxis.dtick == 1, "no epoch 1.5"


def test_how_it_was_run_leaves_out_what_had_no_part():
    settings = {"optimizer": "SGD", "batch_size": 32.0, "groups": [], "use_ema": False,
                "ema_momentum": 0.99, "gradient_accumulation_steps": 1}  # fmt: skip
    assert settings_lines(settings) == ["optimizer: SGD", "batch_size: 32"]
    averaged = {**settings, "use_ema": True, "groups": ["a", "b"]}
    assert settings_lines(averaged)[2:] == ["groups: a, b", "use_ema: True", "ema_momentum: 0.99"]


def test_each_run_is_diagnosed_once(monkeypatch):
    import keras_lr.watch.diagnosis as package

    asked, diagnose = [], package.diagnose
    monkeypatch.setattr(package, "diagnose", lambda run: asked.append(run) or diagnose(run))
    sections_of([Run({"loss": [2.0, 1.0]}), Run({"loss": [2.0, 1.5]})])
    assert len(asked) == 2
