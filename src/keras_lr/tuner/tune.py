"""Search the rate, and what goes with it: the function `keras_lr.tune`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from keras_lr.engines import Job
from keras_lr.engines.ray import RayOptions
from keras_lr.errors import InvalidInput
from keras_lr.tuner.horizon import shortened
from keras_lr.tuner.population.checks import as_method
from keras_lr.tuner.population.truncation import PBT
from keras_lr.tuner.pruners import Pruner, as_pruner
from keras_lr.tuner.quiet import quietly
from keras_lr.tuner.run_checks import check_parts
from keras_lr.tuner.samplers import Sampler, as_sampler
from keras_lr.tuner.search import Search
from keras_lr.tuner.storage import named_failures
from keras_lr.tuner.study import Study

TRIALS = 32
"""Trials, where nothing is said."""


def tune(
    build_model: Any,
    x: Any,
    y: Any = None,
    *,
    space: Mapping[str, Any],
    epochs: int,
    trials: int | None = None,
    batch_size: int | None = None,
    validation_data: Any = None,
    validation_split: float = 0.0,
    sample_weight: Any = None,
    class_weight: Any = None,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    engine: Literal["auto", "compiled", "fit", "ray"] | RayOptions = "auto",
    objective: str = "val_loss",
    direction: Literal["minimize", "maximize"] | None = None,
    seed: int = 0,
    sampler: Sampler | Any = None,
    pruner: Pruner | Any = None,
    method: Literal["search", "pbt"] | PBT = "search",
    population: int | None = None,
    interval: int | None = None,
    horizon: float = 1.0,
    storage: str | Path | Any = None,
    study_name: str | None = None,
    verbose: int = 1,
) -> Study:
    """Search learning rate, momentum, schedule and more, over many short trainings.

    Every trial starts from the same weights and sees the same batches in the same order: it is
    what `keras.utils.set_random_seed(seed)`, `build_model()` and `model.fit(...)` give, with a
    `LearningRate` callback for its schedule and rules.

    Args:
        build_model: A function that returns a compiled model, or a compiled model (left as it
            is; trials start from clones with its weights).
        x, y, sample_weight, class_weight, batch_size: As in `model.fit`.
        validation_data, validation_split, validation_batch_size: As in `model.fit`.
        steps_per_epoch, validation_steps: As in `model.fit`. A generator is read once and kept in
            memory for all trials, and needs them.
        space: What to search. A key that names a setting of the model's optimizer (such as
            `"learning_rate"`, `"momentum"`, `"weight_decay"`) is applied to it; `"schedule"` and
            `"rules"` go to `LearningRate`; any other is an argument of `build_model`. A value is
            a `LogUniform` or `Uniform`, a list to choose from, or anything else for a fixed value.
            Several rules at once are a tuple; a list of them is a choice.
        epochs: Epochs of each trial.
        trials: Trials in all, by default 32; a resumed study runs only those that are missing.
        engine: `"compiled"` trains all trials through one JAX program, `"fit"` one after the
            other on any backend, `"auto"` the first where it can run. The curves are the same.
            `"ray"` (or a `keras_lr.engines.ray.RayOptions`) trains them on the cluster that
            `ray.init` connected to.
        objective: The logged value to optimise, at the last epoch.
        direction: `"minimize"` or `"maximize"`; by default what the objective's name says.
        seed: Of the weights, the batches, and the default sampler.
        sampler: "tpe", "random", or an Optuna sampler; by default "tpe".
        pruner: "hyperband", "halving" or "median", or an Optuna pruner, to end trials early that
            fall behind; by default none. A step is an epoch that is done, 1 after the first.
        method: "search" for independent trials; "pbt" (or a `keras_lr.PBT`) for a population, whose
            members copy the best on the way and perturb their rates: a `Population` comes back,
            with the best one's path of rates as its `schedule`.
        population: Members of a population, in the place of `trials`; 16 by default.
        interval: Epochs between two exchanges of a population; 1 by default.
        horizon: Run trials on this share of the epochs, with their schedules compressed to it.
            `Study.transferred` then has the best rate of the trials, and what theory makes of it
            for all epochs; `Study.code` writes the latter.
        storage: A file (SQLite), a URL, or an Optuna storage: the study is kept there, and goes
            on from there when it is called again.
        study_name: Its name in the storage; by default "keras-lr".
        verbose: 0 for silence, 1 for progress on stderr.

    Returns:
        A `Study`. After Ctrl-C it holds the trials that were finished.

    Raises:
        InvalidInput: Before anything is trained, for an uncompiled model, unusable data, names in
            the space that mean nothing, values that can't be, a storage with another study.
        KerasLRError: The storage failed on the way; what was finished is kept.
    """
    from keras_lr import backend
    from keras_lr.state.random_state import RandomState

    backend.require()
    started = time.perf_counter()
    job = Job(
        build_model,
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        validation_data=validation_data,
        validation_split=validation_split,
        sample_weight=sample_weight,
        class_weight=class_weight,
        steps_per_epoch=steps_per_epoch,
        validation_steps=validation_steps,
        validation_batch_size=validation_batch_size,
        seed=seed,
    )
    check_parts(objective, study_name)
    as_sampler(sampler, 0)
    as_pruner(pruner, 2)
    pbt = as_method(method, population=population, interval=interval, trials=trials, pruner=pruner)
    taken = RandomState.take()
    try:
        search: Search
        if pbt is None:
            search = Search(
                job,
                space,
                trials=TRIALS if trials is None else trials,
                objective=objective,
                direction=direction,
                horizon=horizon,
            )
        else:
            from keras_lr.tuner.population.search import PopulationSearch

            if shortened(100, horizon) != 100:
                raise InvalidInput(
                    "A population finds a path over all the epochs. Leave horizon out. "
                    f"Received: horizon={horizon!r}."
                )
            search = PopulationSearch(
                job,
                space,
                method=pbt,
                population=population,
                interval=interval,
                objective=objective,
                direction=direction,
            )
        with quietly(), named_failures(), search.opened:
            search.connect(engine, sampler=sampler, pruner=pruner, storage=storage, name=study_name)
            search.run(quiet=not verbose)
        return search.study(time.perf_counter() - started)
    finally:
        taken.restore()
