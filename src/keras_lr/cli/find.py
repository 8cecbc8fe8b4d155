"""`keras-lr find`: a learning rate for the user's model and data."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from cyclopts import Parameter

from keras_lr.cli import documents
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
from keras_lr.cli.output import File, Output
from keras_lr.cli.spelling import in_options
from keras_lr.engines.seed import check_seed

_Plain = Parameter(negative="")


def find(
    model: str,
    data: str,
    /,
    *,
    target: str | None = None,
    method: Literal["auto", "race", "range"] = "auto",
    rates: Annotated[tuple[float, float] | None, _Plain] = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    schedule: str | None = None,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name="--out")] = None,
    js: Js = "inline",
    common: Common | None = None,
) -> Output:
    """Find a learning rate for a model on its data, in a few hundred steps.

    Say the epochs, the batch size and the schedule of the training to come: the best rate depends
    on them.

    Args:
        model: A compiled .keras file, or module:function returning a compiled model.
        data: An .npz file with arrays x and y, a .csv file with --target, or module:function
            returning (x, y).
        target: The target's column of a .csv file.
        method: race (many short trainings side by side, JAX), range (one training at a rising
            rate, any backend), or auto: a race where it can run.
        rates: The lowest and the highest rate to try; by default what suits the optimizer.
        epochs: Epochs of the training to come.
        batch_size: Rows of a batch; 32 by default.
        schedule: Its schedule in the text form, such as cosine.
        seed: Seed of the weights and of the order of the batches.
        out: Write an HTML report to this file; its folder is made when missing.
        js: How the page gets its chart library.
        common: Options of every command.
    """
    check_writable(out, "--out", ".html")
    check_ends("--rates", rates)
    positive("--epochs", epochs)
    positive("--batch-size", batch_size)
    check_seed(seed, "--seed")
    plan = None if schedule is None else read_schedule(schedule, "--schedule")
    backend = start("find")
    import keras

    from keras_lr.cli.data import load_data
    from keras_lr.cli.model import load_model
    from keras_lr.cli.reference import user_work
    from keras_lr.engines.fits import check_fits
    from keras_lr.errors import RateNotFound
    from keras_lr.finder import Finding
    from keras_lr.finder import find as run

    keras.utils.set_random_seed(seed)
    net = load_model(model)
    given = load_data(data, target=target, say=say)
    check_fits(net, given.x, given.y, given.validation_data)
    arguments = fit_arguments(given, ("batch_size", "sample_weight"), data, "find")
    if batch_size is not None:
        arguments["batch_size"] = batch_size
    try:
        with user_work("Training the model on the data", f"Received: {model} {data}"):
            finding = run(
                net,
                given.x,
                given.y,
                method=method,
                epochs=epochs,
                schedule=plan,
                learning_rates=rates,
                seed=seed,
                **arguments,
            )
        refused = None
    except RateNotFound as error:
        refused, measured = error, cast(Finding, error.finding)
        finding = replace(measured, reason=in_options(measured.reason, "find"))
        say(f"keras-lr: no rate found: {' '.join(finding.reason.split())}")
    answer: documents.Find = {
        "command": "find",
        "learning_rate": finding.learning_rate,
        "band": finding.band,
        "method": finding.method,
        "reason": finding.reason,
        "rates": finding.rates.tolist(),
        "losses": finding.losses.tolist(),
        "steps": finding.steps,
        "seconds": finding.seconds,
        "backend": backend,
        "report": out,
    }
    return Output(
        answer,
        lambda: _text(finding),
        exit_code=0 if refused is None else refused.exit_code,
        files=[] if out is None else [File("report", out, lambda: _report(finding, out, js))],
    )


def _text(finding: Any) -> str:
    from keras_lr.watch.answers import finding_answer
    from keras_lr.watch.terminal import finding_curve

    lines = [finding_curve(finding), "", finding_answer(finding)]
    if finding.learning_rate is None:
        lines.append(finding.reason)
    else:
        lines += ["", f"    keras_lr.set_learning_rate(model, {finding.learning_rate:.4g})"]
    return "\n".join(lines)


def _report(finding: Any, out: Path, js: Any) -> None:
    from keras_lr.watch import report

    report(finding, out, js=js)
