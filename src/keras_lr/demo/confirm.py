"""Choose among the best trials by several seeds: the best of many on one seed is partly luck.

A trial that wins a study did so with one draw of weights and batches, and among many trials the
luckiest draw wins (the winner's curse); a rate at the brink of divergence can be that draw. So the
best few are trained again with other seeds, and the best mean wins. Still on validation data.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from keras_lr.demo.digits import Split
from keras_lr.demo.model import build_model
from keras_lr.engines import Job, TrialSpec, choose_engine


def confirm(
    study: Any,
    split: Split,
    *,
    rules: Sequence[Any],
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    engine: str,
    count: int = 6,
) -> tuple[dict[str, Any], float]:
    """The settings with the best mean objective over the study's seed and `seeds`.

    Args:
        study: The study; its objective is minimised.
        split: The data; the test part isn't touched.
        rules: The rules that its trials had.
        seeds: Further seeds.
        epochs: Epochs of a trial.
        batch_size: Rows of a batch.
        engine: As in `keras_lr.tune`.
        count: How many of the best are trained again.

    Returns:
        The parameters, as `Trial.params` has them, and their mean objective (infinite where every
        one of the best diverged with some seed; then the study's best is kept).
    """
    best = sorted(
        (t for t in study.trials if t.state == "complete" and t.value is not None),
        key=lambda t: t.value,
    )[:count]
    values = {trial.number: [trial.value] for trial in best}
    for seed in seeds:
        job = Job(
            build_model,
            *split.train,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=split.validation,
            seed=seed,
        )
        runner, _ = choose_engine(engine, job, build_model())
        specs = [_spec(trial.params, rules) for trial in best]
        results = runner.run(specs, lambda *_: False, lambda *_: False)
        for trial, result in zip(best, results, strict=True):
            curve = result.history.get(study.objective, [])
            ended = result.finished and len(curve) == epochs and math.isfinite(curve[-1])
            values[trial.number].append(curve[-1] if ended else math.inf)
    means = {number: statistics.fmean(several) for number, several in values.items()}
    winner = min(best, key=lambda trial: means[trial.number])
    return dict(winner.params), means[winner.number]


def _spec(params: Any, rules: Sequence[Any]) -> TrialSpec:
    from keras_lr.schedules import parse

    text = params.get("schedule", "none")
    settings = {name: params[name] for name in ("learning_rate", "momentum")}
    return TrialSpec(settings, None if text == "none" else parse(text), tuple(rules))
