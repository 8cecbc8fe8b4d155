"""Big results give small pages, which say what they leave out."""

import math

import numpy as np

import watch_results as results
from keras_lr.watch import Run, figures
from keras_lr.watch.figures.run_lines import LINES
from keras_lr.watch.figures.trials import CURVES
from keras_lr.watch.report import sections_of
from keras_lr.watch.report.page import page
from keras_lr.watch.report.studies import ROWS

RNG = np.random.default_rng(0)


def test_of_many_layers_the_outermost_are_drawn():
    layers = {f"update_ratio/l{n}": [1e-3 * (1 + (n * 7) % 300)] * 2 for n in range(300)}
    run = Run({"loss": [1.0, 0.5], "update_ratio": [0.15, 0.15], **layers})
    figure = figures.updates_figure(run)
    assert figure.layout.title.text == (
        "Update/weight ratio by layer: the highest and the lowest of 301"
    )
    assert len(figure.data) == LINES
    heights = sorted(trace.y[0] for trace in figure.data)
    assert np.allclose(heights[: LINES // 2 - 1], 1e-3 * np.arange(1, LINES // 2))
    assert np.allclose(heights[-LINES // 2 :], 1e-3 * np.arange(271, 301))
    assert figure.data[0].name == "all weights"


def test_a_study_of_many_trials_is_a_small_page_that_says_so():
    trials = []
    for n in range(1200):
        curve = [float(v) for v in 1 + RNG.random(300)]
        params = {"learning_rate": float(10 ** RNG.uniform(-4, 0)), "schedule": "cosine"}
        trials.append(results.Trial(n, params, curve[-1], "complete", {"val_loss": curve}))
    trials[7] = results.Trial(
        7, {"learning_rate": 1.0}, None, "diverged", {"val_loss": [9, math.nan]}
    )
    study = results.Study(trials, results.study().space)
    (part,) = sections_of(study)
    assert part.tables[-1].title == f"The first {ROWS} of 1200 trials, best first"
    assert len(part.tables[-1].rows) == ROWS
    figure = figures.best_trials_figure(study)
    assert figure.data[0].name == "the best and the worst of 1195 other trials"
    curves = "".join("|" if y is None else "." for y in figure.data[0].y).count("|")
    assert curves == CURVES + 1, "the diverged one's end is a gap too"
    assert 9 in figure.data[0].y, "what diverged is among the worst"
    assert max(figure.data[0].x[:-1], key=lambda x: x or 0) == 300
    assert len(page([part], js="cdn")) < 1_000_000


def test_of_many_runs_the_best_are_named():
    runs = [
        Run({"loss": [99.0, 40.0 - n], "learning_rate": [0.1, 0.1]}, name=f"r{n}")
        for n in range(30)
    ]
    figure = figures.runs_figure(runs)
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert named == [f"r{n}" for n in range(18, 30)]
    assert len(figure.data) == 60
    assert {trace.opacity for trace in figure.data} == {None, 0.5}


def test_numbers_in_charts_have_seven_digits():
    figure = results.run().plot()
    figure.data[0].y = [1 / 3, 1e-9 / 3, 1234567.25]
    (part,) = sections_of(results.run())
    text = page(
        [type(part)(part.title, part.answer, charts=[type(part.charts[0])(figure)])], js="cdn"
    )
    assert "[0.3333333,3.333333e-10,1234567.0]" in text
