"""The demo, step by step."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_lr.demo.arms import Recipe, train_arm
from keras_lr.demo.digits import Split, load_digits
from keras_lr.demo.model import build_model
from keras_lr.errors import InvalidInput
from keras_lr.watch import Comparison, Run, report

EPOCHS = 20
BATCH_SIZE = 32
MOMENTUMS = [0.0, 0.5, 0.9, 0.95]
SCHEDULES = [None, "cosine", "one_cycle", "warmup_stable_decay"]


@dataclass(frozen=True)
class DemoResult:
    """What the demo found and wrote.

    Args:
        finding: The learning rate that `find` advised.
        study: The tuning of rate × momentum × schedule.
        constant: The tuning of the baseline: rate × momentum, same trials, no schedule.
        comparison: Test accuracy of the winner and its baselines, seed by seed.
        run: The winner's training with its first seed.
        report: The HTML report.
        model: The winner's model, first seed: plain Keras.
        seconds: Wall-clock time of everything.
    """

    finding: Any
    study: Any
    constant: Any
    comparison: Comparison
    run: Run
    report: Path
    model: Path
    seconds: float


def run(
    out: str | os.PathLike[str] = "keras-lr-demo",
    *,
    trials: int = 48,
    seeds: int = 5,
    epochs: int = EPOCHS,
    engine: str = "auto",
    seed: int = 0,
    say: Callable[[str], None] | None = None,
) -> DemoResult:
    """Find, tune, train, compare and report on scikit-learn's digits.

    Every choice is made on the validation split; the test split is only reported. The baselines
    are Keras's `SGD()` untouched (rate 0.01, no momentum), the same rate with the usual momentum
    of 0.9, and the best constant rate: rate and momentum tuned with as many trials as the
    winner's, but neither schedule nor rules.

    Args:
        out: The folder that the report and the model are written to.
        trials: Trials of the tuning, and again of the baseline's tuning.
        seeds: Trainings of each arm of the comparison; other weights and batches in each.
        epochs: Epochs of every trial and training.
        engine: As in `keras_lr.tune`.
        seed: Of the search; the comparison uses the seeds that follow it.
        say: Told each step in a line; prints to stderr by default.
    """
    started = time.perf_counter()
    say = say or _to_stderr
    if seeds < 2:
        raise InvalidInput(f"A spread needs at least 2 seeds. Received: seeds={seeds}.")
    folder = Path(out)
    split = load_digits()
    _make_folder(folder)
    sizes = ", ".join(
        f"{len(part[0])} {name}"
        for name, part in zip(
            ("to train", "to choose on", "to test"),
            (split.train, split.validation, split.test),
            strict=True,
        )
    )
    say(f"1/5  Find a learning rate ({sizes} of scikit-learn's digits)")
    finding = _find(split, epochs, seed)

    say(f"2/5  Tune learning rate x momentum x schedule ({trials} trials of {epochs} epochs)")
    settings = {"trials": trials, "epochs": epochs, "engine": engine, "seed": seed}
    study = _tune(split, finding.learning_rate, SCHEDULES, **settings)
    say(f"     and the best constant rate, with as many trials ({trials}) but no schedule")
    constant = _tune(split, finding.learning_rate, None, **settings)

    recipes = _recipes(study.best.params, constant.best.params)
    several = range(seed + 1, seed + 1 + seeds)
    fit = {"seeds": several, "epochs": epochs, "batch_size": BATCH_SIZE, "say": say}
    say(
        f"3/5  Train with the winner, its schedule and reduction rules ({seeds} seeds, test accuracy)"
    )
    winner, model, history = train_arm(recipes[0], split, **fit)
    say("4/5  Compare with the baselines on the same test split")
    others = [train_arm(recipe, split, **fit)[0] for recipe in recipes[1:]]
    comparison = Comparison("test accuracy", (winner, *others))

    say("5/5  Write the report and the model")
    page = report([comparison, study, history, finding], folder / "report.html")
    saved = folder / "model.keras"
    part = folder / f".model.{os.getpid()}.keras"
    model.save(part)
    os.replace(part, saved)
    seconds = time.perf_counter() - started
    return DemoResult(finding, study, constant, comparison, history, page, saved, seconds)


def _find(split: Split, epochs: int, seed: int) -> Any:
    import keras

    from keras_lr.finder import find

    keras.utils.set_random_seed(seed)
    return find(build_model(), *split.train, epochs=epochs, batch_size=BATCH_SIZE, seed=seed)


def _tune(split: Split, rate: float, schedules: Any, **settings: Any) -> Any:
    from keras_lr.tuner import LogUniform, tune

    # With momentum m the same progress takes about (1 - m) times the rate, so look further down.
    space: dict[str, Any] = {
        "learning_rate": LogUniform(rate / 50, rate * 4),
        "momentum": MOMENTUMS,
    }
    if schedules is not None:
        space["schedule"] = schedules
    return tune(
        build_model,
        *split.train,
        validation_data=split.validation,
        space=space,
        batch_size=BATCH_SIZE,
        objective="val_loss",
        **settings,
    )


def _recipes(best: Any, constant: Any) -> list[Recipe]:
    from keras_lr.rules import Divergence, Plateau

    schedule = best.get("schedule", "none")
    return [
        Recipe(
            "keras-lr",
            best["learning_rate"],
            best["momentum"],
            None if schedule == "none" else schedule,
            (Plateau("val_loss", factor=0.5, patience=4), Divergence()),
            "Plateau and Divergence",
        ),
        Recipe("Keras's default", 0.01),
        Recipe("default rate, usual momentum", 0.01, 0.9),
        Recipe("best constant rate", constant["learning_rate"], constant["momentum"]),
    ]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(
            f"The folder can't be made ({error.strerror}). Received: out={str(folder)!r}."
        ) from error
    if not os.access(folder, os.W_OK):
        raise InvalidInput(f"The folder can't be written to. Received: out={str(folder)!r}.")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
