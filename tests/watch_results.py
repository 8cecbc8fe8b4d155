"""Small results that look like real ones, for the tests of figures and reports."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr import LogUniform
from keras_lr.finder.finding import Finding
from keras_lr.state.rate_event import RateEvent
from keras_lr.watch import Arm, Comparison, Run


@dataclass
class Trial:
    number: int
    params: dict[str, Any]
    value: float | None
    state: str
    history: dict[str, list[float]]
    seconds: float = 0.1


@dataclass
class Study:
    trials: list[Trial]
    space: dict[str, Any]
    objective: str = "val_loss"
    direction: str = "minimize"
    engine: str = "compiled"
    plan: str = "one jitted step a dispatch"
    seconds: float = 3.2
    extra: dict = field(default_factory=dict)

    @property
    def best(self) -> Trial:
        return min((t for t in self.trials if t.state == "complete"), key=lambda t: t.value)

    def code(self, trial: Trial | None = None) -> str:
        trial = trial or self.best
        return f"model.compile(optimizer=SGD({trial.params['learning_rate']:.3g}))  # <ok>"


def finding(*, refused: bool = False) -> Finding:
    rates = np.geomspace(1e-4, 10, 16)
    losses = 0.25 + 2.05 / (1 + (rates / 0.02)) + 0.04 * rates**2
    losses[-3:] = np.nan
    steps = np.arange(120)
    curves = 2.3 * np.exp(-np.outer(rates, steps) / 3) + 0.1
    curves[-3:, 30:] = np.nan
    if refused:
        return Finding(None, rates, np.full(16, np.nan), "Every rate diverged.", "race", steps=120)
    reason = "The loss was lowest at 0.21."
    return Finding(0.21, rates, losses, reason, "race", (0.1, 0.3), curves, 120, 1.9)


def study(*, edge: bool = False, metric: str = "val_loss") -> Study:
    rng = np.random.default_rng(0)
    low, high = (1e-4, 0.01) if edge else (1e-4, 1.0)
    trials = []
    for n in range(40):
        rate = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if edge and n == 0:
            rate = 0.0099
        momentum = float(rng.choice([0.0, 0.5, 0.9, 0.99]))
        effective = rate / (1 - momentum)
        schedule = ["constant", "cosine", "one_cycle"][n % 3]
        params = {"learning_rate": rate, "momentum": momentum, "schedule": schedule}
        if effective > 8:
            trials.append(Trial(n, params, None, "diverged", {metric: [2.3, math.nan]}))
            continue
        end = 0.1 + 0.08 * abs(math.log10(effective / 0.3)) + 0.02 * rng.random()
        if edge and n == 0:
            end = 0.01
        curve = [end + 2 * math.exp(-e / 3) for e in range(12)]
        if n % 9 == 5:
            trials.append(Trial(n, params, None, "pruned", {metric: curve[:4]}))
        else:
            trials.append(Trial(n, params, curve[-1], "complete", {metric: curve}))
    trials.append(Trial(40, {"learning_rate": 0.1, "momentum": 0.9}, None, "failed", {}))
    space = {"learning_rate": LogUniform(low, high), "momentum": [0.0, 0.5, 0.9, 0.99]}
    return Study(trials, space, metric)


def run() -> Run:
    loss = [2.0 * math.exp(-e / 4) + 0.05 for e in range(20)]
    rates = [0.1 * (1 - e / 20) * (0.5 if e > 11 else 1) for e in range(20)]
    history = {"loss": loss, "val_loss": [v * 1.2 for v in loss], "learning_rate": rates}
    events = (
        RateEvent(
            step=352,
            epoch=11,
            cause="plateau",
            factor=0.5,
            rate=0.05,
            reason="no better for 3 epochs",
        ),
    )
    return Run(history, events, "The winner", "cosine")


def comparison() -> Comparison:
    return Comparison(
        "test accuracy",
        (
            Arm("tuned", 0.12, "0.12 with momentum 0.9, one-cycle", (0.979, 0.982, 0.976, 0.981)),
            Arm("Keras's default", 0.01, "0.01, no momentum", (0.941, 0.938, 0.944, 0.942)),
            Arm("best constant rate", 0.2, "0.2 with momentum 0.5", (0.978, 0.974, 0.98, 0.977)),
        ),
    )
