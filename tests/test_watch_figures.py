import importlib
import math
from dataclasses import replace

import numpy as np
import pytest

import watch_results as results
from keras_lr.errors import InvalidInput
from keras_lr.watch import Run, figures
from keras_lr.watch.figures.study import edge_warning


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
    placed = sum(len(t.x) for t in figure.data if t.name != "best")
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


def test_a_jump_of_one_step_survives_thinning():
    from keras_lr.schedules import as_schedule
    from keras_lr.watch.figures.schedule import schedule_values

    spike = as_schedule(lambda step: np.where(np.asarray(step) == 31_417, 7.0, 1.0))
    steps, values, _ = schedule_values(spike, 100_000)
    assert len(steps) < 1100
    assert values.max() == 7.0
    assert steps[values.argmax()] == 31_417


def test_history_shows_losses_the_rate_and_each_cause():
    run = results.run()
    figure = figures.history_figure(run)
    assert trace(figure, "learning rate").yaxis == "y2"
    marks = trace(figure, "cut")
    assert list(marks.x) == [12]
    assert marks.text[0] == "plateau ×0.5"
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
    "name",
    ["answers", "comparison", "style", "terminal", "run", "figures.trials"],
)
def test_docstring_examples(name):
    import doctest

    result = doctest.testmod(importlib.import_module(f"keras_lr.watch.{name}"))
    assert result.failed == 0
