import doctest
import importlib
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import watch_results as results
from keras_lr import schedules
from keras_lr.errors import InvalidInput
from keras_lr.schedules import parse
from keras_lr.watch import Run, figures
from keras_lr.watch.schedule_curves import sampled, schedule_curves
from keras_lr.watch.terminal.axes import _below, step_numbers
from keras_lr.watch.trials import edge_warning

WATCH = Path(importlib.import_module("keras_lr.watch").__file__).parent


def trace(figure, name):
    return next(t for t in figure.data if t.name and t.name.startswith(name))


def texts(figure):
    return [a.text for a in figure.layout.annotations]


def test_finding_draws_every_rate_the_suggestion_and_the_band():
    finding = results.finding()
    figure = figures.finding_figure(finding)
    assert figure.layout.xaxis.type == "log"
    shown = np.concatenate([trace(figure, "a rate").x, trace(figure, "diverged").x])
    assert sorted(shown) == pytest.approx(sorted(finding.rates))
    assert len(trace(figure, "diverged").x) == 3
    assert "x" in trace(figure, "diverged").marker.symbol
    label = next(a for a in figure.layout.annotations if a.text == "use 0.21")
    assert 10**label.x == pytest.approx(0.21)
    spans = [(s.x0, s.x1) for s in figure.layout.shapes]
    assert (0.21, 0.21) in spans
    assert finding.band in spans


def test_a_refused_finding_draws_without_a_suggestion():
    figure = figures.finding_figure(results.finding(refused=True))
    assert len(trace(figure, "diverged").x) == 16
    assert not figure.layout.shapes


def test_race_draws_each_member_and_stops_it_where_it_diverged():
    finding = results.finding()
    figure = figures.finding_curves_figure(finding)
    lines = [t for t in figure.data if t.mode == "lines"]
    assert len(lines) == len(finding.rates)
    assert np.isfinite(lines[0].y[-1])
    assert np.isnan(lines[-1].y[-1])


def test_study_groups_by_momentum_and_crosses_the_diverged():
    study = results.study()
    figure = figures.study_figure(study)
    names = [t.name for t in figure.data if t.name]
    assert [n for n in names if n.startswith("momentum")] == [
        "momentum 0",
        "momentum 0.5",
        "momentum 0.9",
        "momentum 0.99",
    ]
    assert {"constant", "cosine", "one_cycle"} <= set(names)  # what each shape means
    bad = sum(t.state in ("diverged", "failed") for t in study.trials)
    assert len(trace(figure, "diverged or failed").x) == bad
    points = [t for t in figure.data if t.mode == "markers" and len(t.x) > 1]
    assert sum(len(t.x) for t in points) == len(study.trials)
    opened = [s for t in points for s in np.atleast_1d(t.marker.symbol) if s.endswith("-open")]
    assert len(opened) == sum(t.state == "pruned" for t in study.trials)
    assert trace(figure, "best").x[0] == study.best.params["learning_rate"]


def test_a_trial_that_failed_with_a_value_is_drawn_once_in_each_picture():
    study = results.study()
    study.trials = [replace(t, state="failed", value=0.5) for t in study.trials[:3]]
    for figure in (figures.study_figure(study), figures.momentum_figure(study)):
        shown = [t for t in figure.data if t.mode == "markers" and len(t.x) and t.x[0] is not None]
        assert sum(len(t.x) for t in shown) == 3


def test_study_warns_only_when_the_best_lies_at_the_edge():
    assert edge_warning(results.study()) is None
    study = results.study(edge=True)
    assert edge_warning(study).startswith("The best rate lies at the upper edge of the range")
    assert any("upper edge" in text for text in texts(figures.study_figure(study)))
    lower = results.study()
    lower.trials[0].params["learning_rate"] = 1.1e-4
    lower.trials[0] = replace(lower.trials[0], value=-1.0, state="complete")
    assert "lower edge" in edge_warning(lower)


def test_study_of_a_list_of_rates_and_of_a_fixed_one():
    study = results.study()
    study.space = {"learning_rate": [0.01, study.best.params["learning_rate"]]}
    assert "upper edge" in edge_warning(study)
    study.space = {"learning_rate": 0.1}
    assert edge_warning(study) is None


def test_study_without_a_completed_trial_still_draws():
    study = results.study()
    study.trials = [t for t in study.trials if t.state != "complete"]
    assert figures.study_figure(study).data
    assert figures.momentum_figure(study).data
    assert figures.best_trials_figure(study).data


def test_momentum_map_places_every_trial():
    study = results.study()
    figure = figures.momentum_figure(study)
    placed = sum(len(t.x) for t in figure.data if not (t.name or "").startswith("best"))
    assert placed == len(study.trials)
    assert list(figure.layout.yaxis.ticktext) == ["0", "0.5", "0.9", "0.99"]


def test_best_trials_are_in_order_of_the_objective():
    study = results.study()
    figure = figures.best_trials_figure(study, count=3)
    named = [t for t in figure.data if t.name != "other trials"]
    assert named[0].name.startswith(f"#{study.best.number} ")
    ends = [t.y[-1] for t in named]
    assert ends == sorted(ends)
    study.direction = "maximize"
    ends = [t.y[-1] for t in figures.best_trials_figure(study, count=3).data[1:]]
    assert ends == sorted(ends, reverse=True)


def test_schedule_figure_takes_one_several_and_named_ones():
    figure = figures.schedule_figure("linear", 100, base_rate=0.5)
    assert figure.data[0].y[0] == pytest.approx(0.5)
    assert figure.layout.yaxis.title.text == "learning rate"
    figure = figures.schedule_figure(["cosine", "constant"], 100)
    assert [t.name for t in figure.data] == ["cosine()", "constant()"]
    figure = figures.schedule_figure({"mine": lambda step: 0.5}, 100)
    assert figure.data[0].name == "mine"
    assert set(figure.data[0].y) == {0.5}
    with pytest.raises(InvalidInput, match="no schedule"):
        figures.schedule_figure([], 100)


def shown(figure):
    """Labels by step, and the steps with a line."""
    labels = {a.x: a.text for a in figure.layout.annotations}
    return labels, sorted(shape.x0 for shape in figure.layout.shapes)


def test_schedules_plot_themselves_with_their_turns_marked():
    schedule = parse("cosine | warmup(5%) | cooldown(20%)")
    figure = schedule.plot(1000)
    assert shown(figure) == ({50: "warmup ends", 800: "cooldown"}, [50, 800])
    assert figure.layout.yaxis.title.text == "factor of the optimizer's rate"
    assert figure.layout.yaxis.range[1] > figure.data[0].y.max() * 1.08  # room for the labels
    same = schedules.plot(schedule, 1000)
    assert same.to_dict() == figure.to_dict()
    plan = schedule.resolve(steps=1000)
    assert (plan.plot().data[0].y == figure.data[0].y).all()
    assert plan.plot(base_rate=0.1).data[0].y.max() == pytest.approx(0.1)
    assert parse("linear(length=40)").plot().layout.xaxis.range == (0, 40)
    with pytest.raises(InvalidInput, match=r"steps=1000"):
        schedule.plot()


def test_the_longest_plan_is_drawn_whole_and_its_epochs_are_known():
    short, long = (parse("linear").resolve(steps=n, steps_per_epoch=10) for n in (30, 90))
    figure = schedules.plot([short, long, "constant"])
    assert figure.layout.xaxis.range == (0, 90)
    assert list(figure.layout.xaxis2.ticktext) == ["0", "2", "4", "6", "8"]
    assert figure.data[0].y[-1] == 0.0
    assert short.plot(90).data[0].y[29] == pytest.approx(1 / 30)  # as it was laid out


def test_epochs_are_an_axis_of_their_own():
    figure = parse("linear | warmup(2 epochs)").plot(1000, steps_per_epoch=12.5)
    axis = figure.layout.xaxis2
    assert (axis.matches, axis.side) == ("x", "top")
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True))["10"] == 125.0
    assert figure.data[0].customdata[-1] == pytest.approx(999 / 12.5)
    assert any(t.xaxis == "x2" for t in figure.data)  # or plotly leaves the axis out
    assert "xaxis2" not in parse("linear").plot(1000).to_dict()["layout"]


def test_many_marks_are_thinned_and_labels_keep_apart():
    figure = parse("cosine | repeat(5%)").plot(1000)
    labels, lines = shown(figure)
    assert labels == {50: "next cycle …"}
    assert lines == list(range(50, 1000, 50))
    labels, lines = shown(parse("cosine | repeat(1%)").plot(1000))
    assert (labels, lines) == ({10: "next cycle …"}, [10])
    close = {f"{n}": f"piecewise([{400 + 8 * n}], [1, 0.5])" for n in range(5)}
    figure = schedules.plot(close, 1000)
    heights = [a.y for a in figure.layout.annotations]
    assert len(heights) == len(set(heights)) == 3
    assert len(figure.layout.shapes) == 5
    assert len({a.font.color for a in figure.layout.annotations}) == 3
    end = next(iter(parse("piecewise([990], [1, 0.5])").plot(1000).layout.annotations))
    assert end.xanchor == "right"


def test_a_mark_that_schedules_share_is_named_once():
    figure = schedules.plot(["linear | warmup(5%)", "cosine | warmup(5%)"], 1000)
    assert shown(figure) == ({50: "warmup ends"}, [50])


def test_a_jump_of_one_step_survives_thinning():
    spike = schedules.as_schedule(lambda step: 7.0 if step == 31_417 else 1.0)
    steps, values = sampled(spike.resolve(steps=100_000), 100_000)
    assert len(steps) < 1100
    assert values.max() == 7.0
    assert steps[values.argmax()] == 31_417


def test_a_long_run_is_sampled_and_keeps_its_jumps():
    seen = []

    def counted(step):
        seen.append(step)
        return 1.0

    steps = 10_000_000
    (curve,) = schedule_curves("piecewise([1234567], [1, 0.1]) | warmup(333)", steps)
    for turn in (333, 1_234_900):
        assert {turn - 1, turn} <= set(curve.xs.tolist())
    assert curve.ys[list(curve.xs).index(1_234_899)] == 1.0
    assert curve.ys[list(curve.xs).index(1_234_900)] == 0.1
    assert len(curve.xs) < 1100
    schedule_curves(schedules.as_schedule(counted), steps)
    assert len(seen) <= 100_100


def test_the_terminal_lists_the_turns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = parse("cosine | warmup(5%) | cooldown(20%)").draw(1000).splitlines()
    assert lines[-1] == "at 50 warmup ends: 1 · at 800 cooldown: 0.105"
    assert max(map(len, lines)) <= 80
    lines = parse("cosine | repeat(5%)").resolve(steps=1000, steps_per_epoch=10).draw().splitlines()
    assert lines[-2:] == [
        "at 50, 100, 150, 200, … (epochs 5, 10, 15, 20) next cycle: 1",
        "1000 steps are 100 epochs of 10",
    ]
    text = schedules.draw({"a": "constant", "b": "linear | warmup(5%)"}, 1000)
    panels = text.partition("\n\nb\n")
    assert "at " not in panels[0].partition("\n\na\n")[2]
    assert panels[2].endswith("1000\nat 50 warmup ends: 1")
    assert "warmup ends" not in parse("linear").draw(1000)


def test_terminal_lines_break_between_turns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = "join(linear, cosine | warmup(5%) | hold(10%), one_cycle, boundaries=[20%, 60%])"
    below = parse(text).draw(1000).partition(" 1000\n")[2].splitlines()
    assert len(below) >= 2
    assert all(line.startswith("at ") and len(line) <= 60 for line in below)
    each = [f"{value:.4g}" for value in np.linspace(1, 0.123, 7)]
    text = f"piecewise([100, 200, 300, 400, 500, 600], [{', '.join(each)}])"
    below = parse(text).draw(1000).partition(" 1000\n")[2].splitlines()
    assert [line[:3] for line in below] == ["at ", "   "]
    assert max(map(len, below)) <= 60


def test_axes_name_both_ends_and_each_value_at_its_height(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = parse("linear").draw(1000, base_rate=0.1).splitlines()
    rows = [line for line in lines if line.startswith("│")]
    labels = {i: row.rpartition("│")[2].strip() for i, row in enumerate(rows)}
    named = {i: float(label) for i, label in labels.items() if label}
    assert list(named.values()) == [0.1, 0.075, 0.05, 0.025, 0.0]
    for row, value in named.items():  # the line falls from the one corner to the other
        column = round((1 - value / 0.1) * 67)
        assert "█▀▄▌▐▖▗▘▙▚▛▜▝▞▟".find(rows[row][1 + column]) >= 0, (row, value)
    (below,) = [line for line in lines if line.strip().startswith("0 ")]
    assert below.split() == ["0", "200", "400", "600", "800", "1000"]
    assert len(below) == len(lines[1])
    flat = parse("constant").draw(1000, base_rate=0.07).splitlines()
    assert [line.rpartition("│")[2].strip() for line in flat[2:6]] == ["0.07", "", "", "0"]
    assert flat[6].startswith("└"), "nothing happens in it, so it is low"


@pytest.mark.parametrize("steps", [2, 7, 999, 1010, 123_456, 2**31 - 1])
def test_the_last_step_is_always_named(steps):
    assert step_numbers(steps)[-1] == steps
    line = _below(step_numbers(steps), steps, 68)
    assert line.split()[0] == "0"
    assert line.split()[-1] == str(steps)
    assert {int(word) for word in line.split()} <= set(step_numbers(steps))


def test_marks_get_a_line_each_or_none(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")

    def lines_of(count):
        text = f"step_decay(0.9, every={1000 // (count + 1) + 1})"
        picture = parse(text).draw(1000).splitlines()[2:16]
        return picture[-1].count("│") - 2

    assert lines_of(3) == 3
    assert lines_of(30) == 0


def test_several_schedules_share_a_picture_only_in_colour(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    pair = ["linear", "constant * 0.5"]
    apart = schedules.draw(pair, 100)
    assert apart.count("┌") == 2
    assert apart.count(" 0.75\n") == 2  # the same scale, so that heights compare
    assert "\x1b" not in apart
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    together = schedules.draw(pair, 100)
    assert together.count("┌") == 1
    assert together.count("\x1b[34m") > 10
    assert schedules.draw([f"constant * 0.{n}" for n in range(1, 9)], 100).count("┌") == 8


def test_history_shows_losses_the_rate_and_each_cause():
    run = results.run()
    figure = figures.history_figure(run)
    assert trace(figure, "learning rate").yaxis == "y2"
    marks = trace(figure, "cut")
    assert list(marks.x) == [12]
    assert (marks.name, marks.text[0]) == ("cut by plateau", "×0.5")
    assert "no better for 3 epochs" in marks.hovertext[0]


def test_history_of_nan_losses_and_without_a_rate():
    figure = figures.history_figure({"loss": [1.0, math.nan, math.inf]})
    assert list(figure.data[0].y) == [1.0, None, None]
    with pytest.raises(InvalidInput, match=r"model\.fit"):
        Run.of({})


def test_comparison_draws_a_dot_a_seed_and_the_spread():
    comparison = results.comparison()
    figure = figures.comparison_figure(comparison)
    dots = [t for t in figure.data if t.marker.symbol is None]
    assert [len(t.x) for t in dots] == [4, 4, 4]
    means = [t for t in figure.data if t.marker.symbol == "diamond"]
    assert [t.x[0] for t in means] == [arm.mean for arm in comparison.arms]
    assert [t.error_x.value for t in means] == [arm.spread for arm in comparison.arms]


def test_user_text_is_escaped_in_charts():
    figure = figures.study_figure(results.study(metric="<b>m</b>"))
    assert figure.layout.yaxis.title.text == "&lt;b&gt;m&lt;/b&gt;"


def test_real_results_plot_themselves():
    finding = results.finding()
    assert finding.plot().layout.title.text == "Loss against learning rate"


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(WATCH).as_posix()
        for path in WATCH.rglob("*.py")
        if ">>> " in path.read_text()
    ),
)
def test_docstring_examples(path):
    name = path.removesuffix(".py").replace("/", ".")
    result = doctest.testmod(importlib.import_module(f"keras_lr.watch.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
