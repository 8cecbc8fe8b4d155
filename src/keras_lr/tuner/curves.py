"""Whole curves for Optuna's figures: while trials run, only some of their values are written."""

import math
from collections.abc import Iterable
from typing import Any

from keras_lr.tuner.trial import Trial


def with_curves(study: Any, trials: Iterable[Trial], objective: str) -> Any:
    """A copy of an Optuna study, in memory, with the objective of every epoch of its trials.

    Args:
        study: The Optuna study.
        trials: The trials that came to an end, with what they logged.
        objective: The logged value that is optimised.
    """
    import optuna

    curves = {trial.number: trial.history.get(objective, []) for trial in trials}
    copy = optuna.create_study(direction=study.direction, study_name=study.study_name)
    for frozen in study.get_trials():
        curve = curves.get(frozen.number)
        if curve is not None:
            steps = enumerate(curve, 1)
            frozen.intermediate_values = {step: v for step, v in steps if math.isfinite(v)}
        copy.add_trial(frozen)
    return copy
