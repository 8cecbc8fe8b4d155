"""The demo, step by step."""

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_lr.demo.arms import Recipe, train_arm
from keras_lr.demo.digits import Split, load_digits
from keras_lr.demo.model import BATCH_SIZE, build_model
from keras_lr.demo.page import tuning_section
from keras_lr.engines.seed import LIMIT, check_seed
from keras_lr.errors import InvalidInput
from keras_lr.rules import Divergence, Plateau
from keras_lr.watch import Comparison, Run, report
from keras_lr.watch.trials import summary

EPOCHS = 20
MOMENTUMS = [0.0, 0.5, 0.9, 0.95]
CONFIRM_TRIALS = 6
"""Of the best trials, how many are trained with other seeds before one is chosen."""
CONFIRM_SEEDS = 3
"""How many seeds."""
SCHEDULES = ["linear", "cosine", "one_cycle", "warmup_stable_decay"]
"""Each ends with a cooldown; the constant rate is searched apart, as the baseline."""


@dataclass(frozen=True)
class DemoResult:
    """What the demo found and wrote.

    Args:
        finding: The learning rate that `find` advised.
        study: The tuning of rate × momentum × schedule.
        best: The chosen settings: the best mean of the best trials over several seeds.
        constant: The tuning of the baseline: rate × momentum, same trials, no schedule.
        steady: The chosen settings of the baseline.
        comparison: Test accuracy of the winner and its baselines, seed by seed.
        run: The winner's training with its first seed.
        report: The HTML report.
        model: The winner's model, first seed: plain Keras.
        seconds: Wall-clock time of everything.
    """

    finding: Any
    study: Any
    best: dict[str, Any]
    constant: Any
    steady: dict[str, Any]
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
    winner's and confirmed with as many seeds, but neither schedule nor rules. The comparison's
    seeds are others than those of the choice.

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
    seed = check_seed(seed)
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
    rules = (Plateau("val_loss", factor=0.5, patience=4), Divergence())
    study, best, value = _tune(split, finding.learning_rate, SCHEDULES, rules, **settings)
    say(
        f"     chosen: {summary(_searched(best))}; mean val_loss {value:.4g} over {CONFIRM_SEEDS} seeds"
    )
    say(
        f"     and the best constant rate, with as many trials ({trials}) but no schedule, no rules"
    )
    constant, steady, steady_value = _tune(split, finding.learning_rate, [None], (), **settings)
    say(
        f"     chosen: {summary(_searched(steady))}; mean val_loss {steady_value:.4g} over {CONFIRM_SEEDS} seeds"
    )

    recipes = _recipes(best, steady, rules)
    first = seed + 1 + CONFIRM_SEEDS  # no choice was made with these seeds
    several = [(first + i) % LIMIT for i in range(seeds)]
    fit = {"seeds": several, "epochs": epochs, "batch_size": BATCH_SIZE, "say": say}
    say(f"3/5  Train with the winner, its schedule and rules ({seeds} other seeds, test accuracy)")
    winner, model, history = train_arm(recipes[0], split, **fit)
    say("4/5  Compare with the baselines on the same test split")
    others = [train_arm(recipe, split, **fit)[0] for recipe in recipes[1:]]
    comparison = Comparison("test accuracy", (winner, *others))

    say("5/5  Write the report and the model")
    sections = [
        comparison,
        tuning_section(study, recipes[0], value, steady_value, epochs=epochs),
        history,
        finding,
    ]
    page = report(sections, folder / "report.html")
    saved = folder / "model.keras"
    part = folder / f".model.{os.getpid()}.keras"
    model.save(part)
    os.replace(part, saved)
    seconds = time.perf_counter() - started
    return DemoResult(
        finding, study, best, constant, steady, comparison, history, page, saved, seconds
    )


def _find(split: Split, epochs: int, seed: int) -> Any:
    import keras

    from keras_lr.finder import find

    keras.utils.set_random_seed(seed)
    return find(build_model(), *split.train, epochs=epochs, batch_size=BATCH_SIZE, seed=seed)


def _tune(
    split: Split, rate: float, schedules: list[Any], rules: tuple[Any, ...], **settings: Any
) -> tuple[Any, dict[str, Any], float]:
    """A study, the settings that its confirmation chose, and their mean objective."""
    from keras_lr.tuner import LogUniform, tune

    # With momentum m the same progress takes about (1 - m) times the rate, so look further down.
    space: dict[str, Any] = {
        "learning_rate": LogUniform(rate / 50, rate * 4),
        "momentum": MOMENTUMS,
        "schedule": schedules,
        "rules": rules,
    }
    study = tune(
        build_model,
        *split.train,
        validation_data=split.validation,
        space=space,
        batch_size=BATCH_SIZE,
        objective="val_loss",
        **settings,
    )
    chosen = study.confirm(top=CONFIRM_TRIALS, seeds=CONFIRM_SEEDS).choice
    if chosen is None or chosen.mean is None:  # every one of the best diverged with some seed
        return study, dict(study.best.params), math.inf
    return study, dict(chosen.params), chosen.mean


def _recipes(best: Any, steady: Any, rules: tuple[Any, ...]) -> list[Recipe]:
    schedule = best["schedule"]
    return [
        Recipe(
            "keras-lr",
            best["learning_rate"],
            best["momentum"],
            None if schedule == "none" else schedule,
            rules,
            "Plateau and Divergence",
        ),
        Recipe("Keras's default", 0.01),
        Recipe("default rate, usual momentum", 0.01, 0.9),
        Recipe("best constant rate", steady["learning_rate"], steady["momentum"]),
    ]


def _searched(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "rules"}


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InvalidInput(
            f"The folder can't be made or written to ({error.strerror}). Name one that can. "
            f"Received: out={str(folder)!r}."
        ) from error


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
