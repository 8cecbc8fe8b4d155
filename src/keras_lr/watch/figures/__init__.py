"""Plotly figures of every result; each concept in its own file.

A figure is built from the plain fields of a result, so anything with the same fields can be drawn.
Plotly is imported when a figure is made, not before.
"""

from keras_lr.watch.figures.comparison import comparison_figure
from keras_lr.watch.figures.confirmation import confirmation_figure
from keras_lr.watch.figures.finding import finding_curves_figure, finding_figure
from keras_lr.watch.figures.history import history_figure
from keras_lr.watch.figures.optunas import optuna_figure
from keras_lr.watch.figures.population import population_figure
from keras_lr.watch.figures.replay import replay_figure
from keras_lr.watch.figures.runs import runs_figure
from keras_lr.watch.figures.schedule import schedule_figure
from keras_lr.watch.figures.study import study_figure
from keras_lr.watch.figures.trials import best_trials_figure, momentum_figure
from keras_lr.watch.figures.updates import (
    metrics_figure,
    norms_figure,
    parts_figure,
    updates_figure,
)

__all__ = [
    "best_trials_figure",
    "comparison_figure",
    "confirmation_figure",
    "finding_curves_figure",
    "finding_figure",
    "history_figure",
    "metrics_figure",
    "momentum_figure",
    "norms_figure",
    "optuna_figure",
    "parts_figure",
    "population_figure",
    "replay_figure",
    "runs_figure",
    "schedule_figure",
    "study_figure",
    "updates_figure",
]
