"""Runs that are as they should be, and runs that were made ill."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.doctor.problems import Problem
from keras_lr.engines import TrialResult, TrialSpec
from keras_lr.schedules import as_schedule
from keras_lr.watch import Run

EPOCHS = 30
RATES = 9
"""Rates of the grid on which the best is found."""
GOOD = {
    "cosine after a warmup": "cosine | warmup(5%)",
    "linear": "linear",
    "constant, then down": "constant | cooldown(20%)",
    "one-cycle": "one_cycle",
    "exponential to 1 %": "exponential(0.01, every=100%)",
    "three drops": "step_decay(0.2, every=25%)",
    "constant": "constant",
}
LOWER = 0.5
"""The other rate that counts as good, as a share of the best: within the band of the finder."""


TOO_HIGH = ("diverged", "rate too high", "oscillating", "stuck", "unused plateau")
"""What a rate that is too high may be called; all of them say to lower it."""
WORSE = 1 / 3
"""A rate is too high where this share of the best rate's progress isn't made."""
FACTORS = tuple(4.0**power for power in range(1, 9))
"""Of the best rate, in which the lowest that is too high is looked for."""


@dataclass(frozen=True)
class Ill:
    """A way to make a run ill.

    Args:
        name: What was done.
        expected: Symptoms one of which has to be found.
        schedule: Of the run.
        times: What the best rate is multiplied by; `None` finds the lowest that is too high.
        epochs: Epochs of the run.
        forgetting: rate × weight decay × updates, where there is a decay.
        only: What the names of the problems begin with.
    """

    name: str
    expected: tuple[str, ...]
    schedule: str = "constant"
    times: float | None = 1.0
    epochs: int = EPOCHS
    forgetting: float = 0.0
    only: str = ""


ILLS = (
    Ill("a constant rate that is too high", TOO_HIGH, times=None),
    Ill("a cosine that is too high", TOO_HIGH, "cosine", times=None),
    Ill("300 times the best rate", TOO_HIGH, times=300.0),
    Ill("300 times the best rate, cosine", TOO_HIGH, "cosine", times=300.0),
    Ill("a 1000th of the best rate", ("rate too low",), times=1 / 1000),
    Ill("a 300th of the best rate", ("rate too low",), times=1 / 300),
    Ill("a 300th of the best rate, cosine", ("rate too low",), "cosine", times=1 / 300),
    Ill("a cosine cut off at 60 %", ("schedule ended early",), "cosine(length=50 epochs)"),
    Ill("a line cut off at half", ("schedule ended early",), "linear(length=60 epochs)"),
    Ill(
        "a cosine over at half",
        ("schedule overrun", "rate decayed too soon"),
        "cosine(length=15 epochs)",
    ),
    Ill(
        "the rate halved each epoch, from a tenth of the best",
        ("rate decayed too soon",),
        "exponential(0.5, every=1 epoch)",
        times=0.1,
    ),
    Ill(
        "weight decay that forgets in a 400th of the run",
        ("weight decay dominates",),
        "cosine",
        forgetting=400.0,
    ),
    Ill(
        "50 times the best rate, constant, 60 epochs",
        TOO_HIGH,
        times=50.0,
        epochs=60,
        only="digits with wrong labels, linear",
    ),
)  # fmt: skip


def good_runs(problem: Problem, seeds: range) -> Iterator[tuple[str, Run]]:
    """Good schedules at their best rate of the grid, by the validation loss, and at half of it."""
    for seed in seeds:
        bests = best_rates(problem, seed)
        specs = [
            (name, TrialSpec({"learning_rate": share * bests[name]}, as_schedule(text)))
            for name, text in GOOD.items()
            for share in (1.0, LOWER)
        ]
        results = problem.train([spec for _, spec in specs], EPOCHS, seed)
        for (name, _), result in zip(specs, results, strict=True):
            yield name, as_run(problem, result)


def ill_runs(problem: Problem, seeds: range) -> Iterator[tuple[Ill, Run]]:
    """Runs made ill, at rates relative to the best constant one."""
    for seed in seeds:
        best = best_rates(problem, seed)["constant"]
        for ill in ILLS:
            if not problem.name.startswith(ill.only):
                continue
            if ill.times is None:
                run = _too_high(problem, ill, best, seed)
                if run is not None:
                    yield ill, run
                continue
            rate = ill.times * best
            settings = {"learning_rate": rate}
            if ill.forgetting:
                steps = ill.epochs * problem.steps_per_epoch()
                # A cosine has half the rate on average.
                settings["weight_decay"] = 2 * ill.forgetting / (rate * steps)
                if rate * settings["weight_decay"] >= 1:  # no weight would be left after an update
                    continue
            spec = TrialSpec(settings, as_schedule(ill.schedule))
            [result] = problem.train([spec], ill.epochs, seed, decay=bool(ill.forgetting))
            yield ill, as_run(problem, result, settings)


def _too_high(problem: Problem, ill: Ill, best: float, seed: int) -> Run | None:
    """The run at the lowest rate that ends well above where the best one does."""
    specs = [
        TrialSpec({"learning_rate": factor * best}, as_schedule(ill.schedule))
        for factor in (1.0, *FACTORS)
    ]
    first, *others = problem.train(specs, ill.epochs, seed)
    losses = first.history["loss"]
    limit = losses[-1] + WORSE * (losses[0] - losses[-1])
    bad = (r for r in others if not r.finished or not r.history["loss"][-1] < limit)
    found = next(bad, None)
    return None if found is None else as_run(problem, found)


_BEST: dict[tuple[str, int], dict[str, float]] = {}


def best_rates(problem: Problem, seed: int) -> dict[str, float]:
    """The best rate of the grid for each schedule: the lowest validation loss at the end."""
    key = (problem.name, seed)
    if key not in _BEST:
        rates = np.geomspace(*problem.rates, RATES)
        specs = [
            TrialSpec({"learning_rate": float(rate)}, as_schedule(text))
            for text in GOOD.values()
            for rate in rates
        ]
        ends = [
            result.history["val_loss"][-1] if result.finished else np.inf
            for result in problem.train(specs, EPOCHS, seed)
        ]
        lowest = np.array(ends).reshape(len(GOOD), RATES).argmin(axis=1)
        _BEST[key] = {name: float(rates[i]) for name, i in zip(GOOD, lowest, strict=True)}
    return _BEST[key]


def as_run(problem: Problem, result: TrialResult, settings: dict[str, float] | None = None) -> Run:
    """What a `fit` with a monitor would have left."""
    history = dict(result.history)
    decay = (settings or {}).get("weight_decay", 0.0)
    history["weight_decay"] = [decay] * len(history["loss"])
    return Run(history, name=problem.name, steps_per_epoch=problem.steps_per_epoch())
