"""`keras-lr demo`: the whole job on real data."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from keras_lr.cli import documents
from keras_lr.cli.options import Common, positive, start
from keras_lr.cli.output import Output
from keras_lr.engines.seed import check_seed


def demo(
    *,
    out: Annotated[Path, Parameter(name="--out")] = Path("keras-lr-demo"),
    trials: int = 48,
    seeds: int = 5,
    epochs: int = 20,
    engine: Literal["auto", "compiled", "fit"] = "auto",
    seed: int = 0,
    common: Common | None = None,
) -> Output:
    """Find, tune, train, compare and report on real data, in about a minute.

    Args:
        out: The folder for the report and the model; it is made when missing.
        trials: Trials of the tuning, and again of the best constant rate's.
        seeds: Trainings of each way that is compared, at least 2; a verdict needs 3.
        epochs: Epochs of every training.
        engine: compiled (all trials through one JAX program), fit (one after the other, any
            backend), or auto: the first where it can run.
        seed: Seed of the search and of the comparison.
        common: Options of every command.
    """
    positive("--trials", trials)
    positive("--epochs", epochs)
    check_seed(seed, "--seed")
    backend = start("demo")
    from keras_lr.demo import run

    result = run(out, trials=trials, seeds=seeds, epochs=epochs, engine=engine, seed=seed)
    return Output(_data(result, backend), lambda: _text(result))


def _data(result: Any, backend: str) -> documents.Demo:
    from keras_lr.watch.answers import comparison_answer

    comparison = result.comparison
    return {
        "command": "demo",
        "answer": comparison_answer(comparison),
        "found": {
            "learning_rate": result.finding.learning_rate,
            "method": result.finding.method,
            "seconds": result.finding.seconds,
        },
        "tuned": {
            "params": result.best,
            "objective": result.study.objective,
            "trials": len(result.study.trials),
            "engine": result.study.engine,
            "plan": result.study.plan,
            "seconds": result.study.seconds,
        },
        "best_constant": {
            "params": result.steady,
            "trials": len(result.constant.trials),
        },
        "metric": comparison.metric,
        "comparison": [
            {
                "name": arm.name,
                "setting": arm.description,
                "mean": arm.mean,
                "sd": arm.spread,
                "scores": arm.scores,
                "keras_lr_is": None if arm is comparison.candidate else comparison.verdict(arm),
            }
            for arm in comparison.arms
        ],
        "backend": backend,
        "seconds": result.seconds,
        "report": result.report,
        "model": result.model,
    }


def _text(result: Any) -> str:
    from keras_lr.watch.answers import comparison_answer, finding_answer
    from keras_lr.watch.terminal import comparison_table, finding_curve

    return "\n".join(
        [
            finding_curve(result.finding),
            f"Found: {finding_answer(result.finding)}",
            f"Tuned: {_tuned(result)}",
            "",
            comparison_table(result.comparison),
            "",
            comparison_answer(result.comparison),
            "",
            f"wrote {result.report}",
            f"wrote {result.model} (plain Keras: it loads without keras_lr)",
            f"{result.seconds:.0f} s",
        ]
    )


def _tuned(result: Any) -> str:
    from keras_lr.watch.answers import study_counts

    arm = result.comparison.candidate
    return f"{arm.description}; {study_counts(result.study)}"
