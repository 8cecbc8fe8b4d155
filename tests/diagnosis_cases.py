"""Runs made to show each symptom, runs made not to, and runs that don't tell."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keras_lr.state.rate_event import RateEvent
from keras_lr.watch import Run

N = 40
E = np.arange(N)
FALLING = 2 * np.exp(-E / 5) + 0.05 * np.exp(-E / 30)
"""A loss as it should be: fast, then slower."""
COSINE = 0.05 * (1 + np.cos(np.pi * (E + 1) / N))
LINE = 0.1 * (1 - (E + 1) / N)
CONSTANT = np.full(N, 0.1)
NOISE = np.random.default_rng(0).normal(size=N)


def run(loss: Any = FALLING, rates: Any = COSINE, *, made: Any = None, **curves: Any) -> Run:
    """A run with these curves; `made` are other fields of it."""
    named = {"loss": loss, "learning_rate": rates, **curves}
    history = {name: [float(v) for v in values] for name, values in named.items()
               if values is not None}  # fmt: skip
    return Run(history, **(made or {}))


def cut(values, epochs):
    """The first epochs of a curve."""
    return None if values is None else np.asarray(values)[:epochs]


def ill_norm(trend=-9.0):
    """‖w‖ shrinks to a fifth while the loss stands still."""
    return {
        "weight_norm": 10 * np.exp(-E / 25) + 0.1,
        "norm_equilibrium": np.full(N, trend),
        "weight_decay": np.full(N, 0.1),
    }


def _step(factor, at):
    return np.where(at > E, 0.1, 0.1 * factor)


@dataclass(frozen=True)
class Case:
    """Runs for one symptom.

    Args:
        ill: Runs that show it, by what was done.
        well: Runs that don't, by why.
        untold: Runs that don't tell, each with a word of what they lack.
    """

    ill: dict[str, Run]
    well: dict[str, Run]
    untold: dict[str, tuple[Run, str]] = field(default_factory=dict)


def joined(*cases: Case | None) -> Case:
    """All that there are in one."""
    there = [case for case in cases if case is not None]
    return Case(
        {why: each for case in there for why, each in case.ill.items()},
        {why: each for case in there for why, each in case.well.items()},
        {why: each for case in there for why, each in case.untold.items()},
    )


_NAN = np.where(E < 12, FALLING, np.nan)
_DEAD = np.where(E < 12, FALLING, 2.3)
_SLOW = 2.3 - 0.02 * E
_FLAT = 0.5 + 2 * np.exp(-E / 3) + 0.01 * NOISE
_ROUGH = 0.5 + 2 * np.exp(-E / 3) + 0.15 * NOISE
_HALVED = 0.1 * 0.5**E
_LONG_COSINE = 0.05 * (1 + np.cos(np.pi * (E + 1) / (2 * N)))
_FROZEN = 2 - np.cumsum(_HALVED) * 5

CASES = {
    "diverged": Case(
        ill={
            "NaN": run(_NAN, CONSTANT),
            "infinite from the start": run(np.full(N, np.inf), CONSTANT),
            "lost what it had": run(_DEAD, CONSTANT),
            "went up from the first epoch on": run(1.5 + 0.8 * (1 - np.exp(-E / 3)), CONSTANT),
            "without a rate": run(_NAN, None),
        },
        well={
            "falls": run(),
            "a spike that passed": run(np.where(E == 12, 1.9, FALLING)),
            "noise about nothing": run(np.abs(NOISE) * 1e-4 + FALLING**3),
            "overfitting": run(val_loss=0.5 + 0.02 * E),
            "never moved": run(2.3 + 0.001 * NOISE, CONSTANT),
        },
        untold={"two epochs": (run(cut(FALLING, 2), cut(COSINE, 2)), "3 epochs")},
    ),
    "overfitting": Case(
        ill={"the validation loss rises": run(val_loss=0.5 + np.abs(E - 10) * 0.03)},
        well={
            "both fall": run(val_loss=FALLING + 0.1),
            "both rise at last": run(
                FALLING + 0.05 * np.maximum(E - 30, 0),
                val_loss=FALLING + 0.06 * np.maximum(E - 30, 0),
            ),
            "noise": run(val_loss=0.5 + 0.05 * NOISE),
            "hardly rises": run(val_loss=0.5 + 0.0005 * np.abs(E - 10)),
        },
        untold={"no validation": (run(), "validation_data")},
    ),
    "rate decayed too soon": Case(
        ill={
            "halved each epoch": run(_FROZEN, _HALVED),
            "cut to nothing while the loss fell": run(
                np.where(E < 8, 2 - 0.1 * E, 1.2 - 0.001 * (E - 8)), _step(1e-3, 8)
            ),
        },
        well={
            "cosine": run(),
            "cut on a plateau": run(
                np.where(E < 24, 0.5 + 2 * np.exp(-E / 2), 0.4) + 0.003 * NOISE, _step(1e-2, 24)
            ),
            "exponential over the whole run": run(FALLING, 0.1 * 0.01 ** (E / N)),
        },
        untold={
            "no rate": (run(_FROZEN, None), "LearningRateMonitor"),
            "five epochs": (run(cut(_FROZEN, 5), cut(_HALVED, 5)), "8 epochs"),
        },
    ),
    "rate too low": Case(
        ill={
            "a line": run(_SLOW, CONSTANT),
            "a line, without a rate": run(_SLOW, None),
            "a line in the sum of the rates": run(2.3 - 2 * np.cumsum(COSINE), COSINE),
            "a line with noise": run(_SLOW + 0.01 * NOISE, CONSTANT),
        },
        well={
            "falls ever slower": run(FALLING, CONSTANT),
            "a line that came to its end": run(np.maximum(2.3 - 0.05 * E, 0.7), CONSTANT),
            "as 1/√t": run(1 / np.sqrt(E + 1), CONSTANT),
            "as −log t": run(4 - np.log(E + 1), CONSTANT),
            "falls by the cooldown": run(
                np.where(E < 32, 0.5 + np.exp(-E / 3), 0.5 - 0.04 * (E - 31)),
                np.minimum(0.1, 0.1 * (N - E) / 8),
            ),
            "flat": run(_FLAT, CONSTANT),
        },
        untold={"eight epochs": (run(cut(_SLOW, 8), cut(CONSTANT, 8)), "12 epochs")},
    ),
    "stuck": Case(
        ill={
            "never moved": run(2.303 + 0.002 * NOISE, CONSTANT),
            "broken by the first updates": run(np.where(E < 1, 40, 2.33 + 0.02 * NOISE), COSINE),
        },
        well={
            "falls": run(),
            "learned within the first epoch": run(
                np.where(E < 1, 2.3, 0.01 + 0.001 * NOISE), COSINE
            ),
            "a long slow tail": run(np.where(E < 1, 6, 2.0 - 0.002 * E), CONSTANT),
            "slower and slower": run(np.where(E < 1, 6, 2.0 + 0.07 * np.exp(-E / 12)), CONSTANT),
        },
        untold={"four epochs": (run(np.full(4, 2.3), np.full(4, 0.1)), "6 epochs")},
    ),
    "rate too high": Case(
        ill={
            "a third of a cosine": run(np.where(E < 14, 1, 1.28 - 0.02 * E) + 0.03 * NOISE),
            "until the cooldown": run(
                np.where(E < 32, 1 + 0.05 * NOISE, 0.5), np.where(E < 32, 0.1, 0.1 * (N - E) / 9)
            ),
        },
        well={
            "falls": run(),
            "flat at the top of a one-cycle": run(
                np.where(E < 5, 2 - 0.3 * E, np.where(E < 22, 0.5, 0.92 - 0.02 * E)) + 0.01 * NOISE,
                np.interp(E, [0, 10, N - 1], [0.01, 0.1, 0.0]),
            ),
            "a plateau that a cut ended": run(
                0.5 + 2 * np.exp(-E / 3) - 0.3 * (E > 25) + 0.01 * NOISE, _step(0.1, 26)
            ),
            "never came down": run(np.where(E < 35, 1 + 0.05 * NOISE, 0.6), CONSTANT),
            "a slow fall before the cooldown": run(
                np.where(E < 32, 1 - 0.003 * E, 0.5), np.where(E < 32, 0.1, 0.1 * (N - E) / 9)
            ),
        },
        untold={
            "no rate": (run(FALLING, None), "LearningRateMonitor"),
            "one-cycle in few epochs": (
                run(cut(FALLING, 5), [0.01, 0.1, 0.05, 0.02, 0.0]),
                "6 epochs",
            ),
        },
    ),
    "weight decay dominates": Case(
        ill={
            "by its time scale": run(weight_decay=np.full(N, 5.0), made={"steps_per_epoch": 100}),
            "by the norm": run(np.maximum(FALLING, 0.6), CONSTANT, **ill_norm()),
            "by the norm, what was learned undone": run(
                0.6 + 0.0015 * np.abs(E - 5), CONSTANT, **ill_norm(-0.5)
            ),
            "from the settings": run(
                made={"steps_per_epoch": 100, "settings": {"weight_decay": 5.0}}
            ),
        },
        well={
            "little": run(weight_decay=np.full(N, 5e-4), made={"steps_per_epoch": 100}),
            "none": run(weight_decay=np.zeros(N)),
            "the norm shrinks a little": run(
                0.6 + 0.0015 * np.abs(E - 5), CONSTANT, weight_norm=10 - 0.05 * E
            ),
            "the norm shrinks and the loss with it": run(2.3 - 0.05 * E, CONSTANT, **ill_norm()),
            "the norm has come to rest": run(np.maximum(FALLING, 0.6), CONSTANT, **ill_norm(-0.5)),
        },
        untold={
            "nothing logged": (run(), "LearningRateMonitor"),
            "no steps in an epoch": (run(weight_decay=np.full(N, 5.0)), "steps_per_epoch"),
            "four epochs": (run(cut(FALLING, 4), cut(COSINE, 4)), "5 epochs"),
        },
    ),
    "oscillating": Case(
        ill={"swings about a level": run(_ROUGH, CONSTANT), "without a rate": run(_ROUGH, None)},
        well={
            "falls": run(),
            "flat with little noise": run(_FLAT, CONSTANT),
            "swings that are little beside the level": run(
                5 + 2 * np.exp(-E / 3) + 0.1 * NOISE, CONSTANT
            ),
            "falls, with noise": run(3 - 0.07 * E + 0.25 * NOISE, CONSTANT),
            "noise about nothing": run(2 * np.exp(-E) + np.abs(NOISE) * 1e-3, CONSTANT),
            "the validation loss swings": run(val_loss=_ROUGH),
        },
        untold={
            "twelve epochs": (run(cut(_ROUGH, 12), cut(CONSTANT, 12)), "20 epochs"),
            "cycles": (run(_ROUGH, 0.1 * (1.1 + np.sin(E))), "doesn't rise"),
        },
    ),
    "unused plateau": Case(
        ill={
            "flat, uncut": run(_FLAT, CONSTANT),
            "both flat": run(_FLAT, CONSTANT, val_loss=_FLAT),
        },
        well={
            "flat at the end of a cosine": run(_FLAT),
            "cut": run(_FLAT, _step(0.5, 25)),
            "falls": run(FALLING, CONSTANT),
            "overfitting": run(FALLING, CONSTANT, val_loss=0.5 + 0.02 * E),
            "nothing left": run(2 * np.exp(-E) + np.abs(NOISE) * 1e-3, CONSTANT),
        },
        untold={
            "no rate": (run(_FLAT, None), "LearningRateMonitor"),
            "ten epochs": (run(cut(_FLAT, 10), cut(CONSTANT, 10)), "12 epochs"),
        },
    ),
    "schedule ended early": Case(
        ill={
            "half of a cosine": run(FALLING, _LONG_COSINE),
            "two thirds of a line": run(FALLING, 0.1 * (1 - (E + 1) / (1.5 * N))),
            "a new cycle had begun": run(FALLING, np.where(E < 36, 0.1 * (1 - (E + 1) / 37), 0.08)),
            "by its plan": run(
                FALLING,
                0.1 * (1 - (E + 1) / 50),
                made={"schedule": "linear", "epochs_planned": 50, "steps_per_epoch": 100},
            ),
        },
        well={
            "cosine": run(),
            "constant, stopped early": run(
                FALLING, CONSTANT, made={"schedule": "constant", "epochs_planned": 100}
            ),
            "exponential": run(FALLING, 0.1 * 0.97**E),
            "inverse square root": run(FALLING, 0.1 / np.sqrt(E + 1)),
            "to a tenth": run(FALLING, 0.1 * (1 - 0.9 * (E + 1) / N)),
            "cuts of a rule": run(FALLING, 0.1 * 0.5 ** (E // 10)),
            "one-cycle": run(FALLING, np.interp(E, [0, 12, N - 1], [0.01, 0.1, 0.0])),
            "by its plan": run(
                FALLING,
                LINE,
                made={"schedule": "linear", "epochs_planned": N, "steps_per_epoch": 100},
            ),
        },
        untold={
            "no rate": (run(FALLING, None), "LearningRateMonitor"),
            "still running": (run(FALLING, _LONG_COSINE, made={"done": False}), "the end"),
            "four epochs": (run(cut(FALLING, 4), cut(_LONG_COSINE, 4)), "6 epochs"),
        },
    ),
    "schedule overrun": Case(
        ill={
            "a line to 0, over too soon": run(FALLING, np.maximum(0.1 * (1 - E / 25), 0)),
            "a cosine to its floor": run(
                FALLING, 1e-4 + 0.05 * (1 + np.cos(np.pi * np.minimum(E, 25) / 25))
            ),
            "set to 0": run(FALLING, _step(0, 30)),
        },
        well={
            "to the end": run(FALLING, LINE),
            "to the end but for two epochs": run(FALLING, np.maximum(0.1 * (1 - E / 36.5), 0)),
            "cuts of a rule": run(FALLING, _step(0.01, 30)),
            "to a floor that learns": run(FALLING, np.maximum(0.1 * (1 - E / 25), 0.01)),
        },
        untold={
            "no rate": (run(FALLING, None), "LearningRateMonitor"),
            "four epochs": (run(cut(FALLING, 4), cut(LINE, 4)), "6 epochs"),
        },
    ),
}

CASES["idle at the end"] = Case(
    ill={
        "cut to nothing": run(np.maximum(FALLING, 0.06), _step(1e-3, 20)),
        "cut to nothing, both": run(
            np.maximum(FALLING, 0.06), _step(1e-3, 20), val_loss=np.maximum(FALLING, 0.07)
        ),
    },
    well={
        "cosine": run(np.maximum(FALLING, 0.06)),
        "cut to a fiftieth": run(np.maximum(FALLING, 0.06), _step(0.02, 20)),
        "the training loss goes on": run(FALLING, _step(1e-3, 20)),
        "the validation loss goes on": run(
            np.maximum(FALLING, 0.06), _step(1e-3, 20), val_loss=0.3 - 0.005 * E
        ),
    },
    untold={
        "no rate": (run(np.maximum(FALLING, 0.06), None), "LearningRateMonitor"),
        "nine epochs": (run(cut(FALLING, 9), cut(COSINE, 9)), "10 epochs"),
        "still running": (run(made={"done": False}), "the end"),
    },
)

RECOVERED = run(
    np.where(E == 12, np.nan, FALLING),
    CONSTANT,
    made={"events": (RateEvent(1300, 12, "divergence", 0.5, 0.05, "loss is NaN"),)},
)
"""Diverged once, and was rolled back."""
