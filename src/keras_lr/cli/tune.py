"""`keras-lr tune`: learning rate, momentum and schedule for the user's model and data."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from keras_lr.cli.method import check_address, check_method, cluster, population_space
from keras_lr.cli.options import (
    Common,
    Js,
    check_ends,
    check_writable,
    fit_arguments,
    positive,
    read_schedule,
    say,
    start,
)
from keras_lr.cli.output import Output
from keras_lr.cli.ranges import check_fields, read_ranges
from keras_lr.cli.space import check_momentums, default_space, distinct, read_rules
from keras_lr.cli.tuned import finish
from keras_lr.engines.seed import check_seed
from keras_lr.errors import InvalidInput

_Many = Parameter(consume_multiple=True, negative="")

_Plain = Parameter(negative="")


def tune(
    model: str,
    data: str,
    /,
    *,
    target: str | None = None,
    epochs: int = 20,
    trials: int | None = None,
    rate: Annotated[tuple[float, float] | None, _Plain] = None,
    momentum: Annotated[list[float] | None, _Many] = None,
    schedule: Annotated[list[str] | None, _Plain] = None,
    rules: Annotated[list[str] | None, _Plain] = None,
    space: Annotated[list[str] | None, _Plain] = None,
    objective: str | None = None,
    engine: Literal["auto", "compiled", "fit", "ray"] = "auto",
    address: str | None = None,
    method: Literal["search", "pbt"] = "search",
    population: int | None = None,
    interval: int | None = None,
    pruner: Literal["none", "median", "halving", "hyperband"] = "none",
    sampler: Literal["tpe", "random"] = "tpe",
    horizon: float = 1.0,
    batch_size: int | None = None,
    validation_split: float = 0.2,
    storage: str | None = None,
    study_name: str | None = None,
    confirm: int = 0,
    seeds: int = 5,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
    js: Js = "inline",
    save: Path | None = None,
    common: Common | None = None,
) -> Output:
    """Tune the learning rate with momentum and schedule, over many short trainings.

    Ctrl-C ends it early and keeps what was done; with --storage the next call goes on from there.

    Args:
        model: A compiled .keras file, or module:function returning a compiled model.
        data: An .npz file with arrays x and y (and x_val, y_val), a .csv file with --target, or
            module:function returning (x, y), (x, y, (x_val, y_val)), or a dict of fit's arguments.
        target: The target's column of a .csv file.
        epochs: Epochs of each trial.
        trials: Trials in all; 32 by default.
        rate: The lowest and the highest rate; by default what suits the optimizer.
        momentum: Momentums to choose from; by default 0 0.5 0.9 0.99 where the optimizer has one.
        schedule: A schedule to choose from, in the text form; repeat it for more. By default
            none, cosine and one_cycle. It may have parameters: "cosine | warmup({warmup}%)" takes
            warmup from --space.
        rules: Rules to choose from, such as "Plateau('val_loss', patience=3)" or none; repeat it for
            more. Parameters in braces come from --space.
        space: Something else to search: NAME=LOW:HIGH (whole numbers if both are),
            NAME=LOW:HIGH:log, or NAME=A,B,C. NAME is a setting of the optimizer, an argument of
            the function that builds the model, or a parameter of --schedule or --rules; repeat it
            for more.
        objective: The logged value to optimise; by default val_loss.
        engine: compiled (all trials through one JAX program), fit (one after the other, any
            backend), auto: the first where it can run; or ray: on all machines of a Ray cluster.
        address: The cluster of --engine ray, such as 10.0.0.1:6379; by default the one that this
            machine is part of, or else this machine.
        method: search (independent trials), or pbt: a population, whose members copy the best on
            the way and perturb their rates; the best one's path of rates comes out.
        population: Members of a population; 16 by default.
        interval: Epochs between two exchanges of a population; 1 by default.
        pruner: End trials early that fall behind: hyperband, halving or median.
        sampler: How the next trials are drawn: tpe learns from those before, random doesn't.
        horizon: Run trials on this share of the epochs, schedules compressed to it; the rate for all
            of them then follows by theory.
        batch_size: Rows of a batch; 32 by default.
        validation_split: Share of the rows, drawn at random, that is held out for validation where
            the data brings none.
        storage: A file that keeps the study (SQLite; a journal where it ends in .log), or a URL.
        study_name: The study's name in --storage, which may keep several.
        confirm: Train so many of the best trials again with other seeds, and advise the best mean.
        seeds: With how many seeds.
        seed: Seed of the weights, the batches, the split and the search.
        out: Write an HTML report to this file; its folder is made when missing.
        js: How the report gets its chart library.
        save: Write the best trial's trained model to this .keras file.
        common: Options of every command.
    """
    check_writable(out, "--out", ".html")
    check_writable(save, "--save", ".keras")
    positive("--epochs", epochs)
    check_ends("--rate", rate)
    positive("--batch-size", batch_size)
    check_momentums(momentum)
    check_seed(seed, "--seed")
    positive("--seeds", seeds)
    if confirm < 0:
        raise InvalidInput(f"--confirm is a number of trials. Received: --confirm {confirm}")
    if not 0 < validation_split < 1:
        raise InvalidInput(
            "--validation-split is a share between 0 and 1. "
            f"Received: --validation-split {validation_split:g}"
        )
    if not 0 < horizon <= 1:
        raise InvalidInput(
            "--horizon is the share of the epochs that trials run, above 0 and at most 1. "
            f"Received: --horizon {horizon:g}"
        )
    ranges = read_ranges(space)
    check_fields("--schedule", schedule, ranges)
    check_fields("--rules", rules, ranges)
    for text in schedule or ():
        if text != "none" and "{" not in text:
            read_schedule(text, "--schedule")
    for text in rules or ():
        if "{" not in text:
            read_rules(text)
    given_options = {
        "trials": trials,
        "population": population,
        "interval": interval,
        "epochs": epochs,
        "pruner": pruner,
        "horizon": horizon,
        "rules": rules,
        "engine": engine,
        "schedule": schedule,
        "momentum": momentum,
        "ranges": ranges,
        "confirm": confirm,
    }
    check_method(method, given_options)
    check_address(engine, address)
    if study_name is not None and storage is None:
        raise InvalidInput(
            f"--study-name is a name in a storage: add --storage study.db. "
            f"Received: --study-name {study_name}"
        )
    backend = start("tune")
    import keras

    from keras_lr.cli.code import runnable
    from keras_lr.cli.data import hold_out, load_data
    from keras_lr.cli.model import model_builder
    from keras_lr.cli.reference import user_work
    from keras_lr.engines.fits import check_fits
    from keras_lr.tuner import tune as run

    keras.utils.set_random_seed(seed)
    build, probe = model_builder(model)
    given = load_data(data, target=target, say=say)
    check_fits(probe, given.x, given.y, given.validation_data)
    loaded = given
    given = hold_out(given, validation_split, seed=seed, say=say)
    held = 0 if given is loaded else len(given.validation_data[0])
    names = ("batch_size", "sample_weight", "class_weight", "validation_split")
    arguments = fit_arguments(given, names, data, "tune")
    if batch_size is not None:
        arguments["batch_size"] = batch_size
    searched: dict[str, Any] = {
        **default_space(probe, rate=rate, momentum=momentum, schedule=schedule),
        **({"rules": distinct("--rules", rules)} if rules else {}),
        **ranges,
    }
    if method == "pbt":
        searched = population_space(searched, given_options)
        trained: dict[str, Any] = {"method": method, "population": population, "interval": interval}
    else:
        trained = {"trials": trials, "horizon": horizon}

    @contextlib.contextmanager
    def training() -> Iterator[None]:
        received = f"Received: {model} {data}"
        with user_work("Training the model on the data", received), storage_work(storage):
            yield

    stopped: BaseException | None = None
    with cluster(engine, address):
        with training():
            study = run(
                build,
                given.x,
                given.y,
                space=searched,
                epochs=epochs,
                validation_data=given.validation_data,
                engine=engine,
                pruner=pruner,
                sampler=sampler,
                objective=objective or "val_loss",
                seed=seed,
                storage=storage,
                study_name=study_name,
                **trained,
                **arguments,
            )
        if confirm and not study.interrupted:
            try:
                with training():
                    if study.confirm(confirm, seeds).interrupted:
                        raise KeyboardInterrupt
            except (Exception, KeyboardInterrupt) as error:
                # What was found before has taken most of the time; it comes out all the same.
                stopped = error
                if isinstance(error, KeyboardInterrupt):
                    kept = "" if storage is not None else "With --storage, "
                    say(
                        f"keras-lr: {kept}{'t' if kept else 'T'}he same command goes on from there."
                    )

    def code() -> str:
        """The advised trial's, from loading the data on."""
        lines = study.code(study.confirmed)
        return runnable(lines, model, data, target=target, given=loaded, held=held, seed=seed)

    return finish(study, code, out=out, js=js, save=save, backend=backend, stopped=stopped)


@contextlib.contextmanager
def storage_work(storage: str | None) -> Iterator[None]:
    """An error of the database that keeps the study is told as one, not as the model's."""
    try:
        yield
    except Exception as error:
        kinds = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not kinds & {"optuna", "sqlalchemy", "sqlite3"}:
            raise
        told = " ".join(str(error).split())[:200]
        raise InvalidInput(
            f"The study's storage failed ({type(error).__name__}: {told}). Name an SQLite file that "
            f"keras-lr tune wrote, or one that doesn't exist yet. Received: --storage {storage}"
        ) from error
