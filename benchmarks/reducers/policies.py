"""What decides the rate: a schedule, rules that look between updates, a detector inside them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr import rules, schedules
from keras_lr.rules.rule import looks_every


@dataclass(frozen=True)
class Policy:
    """One way to control the rate.

    Args:
        name: What the table calls it.
        schedule: A factor of the grid's rate.
        rules: Asked on the host.
        detector: An in-graph rule, or `None`.
        tuned: Rows of the same name in `tuned` are one: the best of them in each cell.
    """

    name: str
    schedule: schedules.Schedule
    rules: tuple[Any, ...] = ()
    detector: Any = None
    tuned: str | None = None

    @property
    def every(self) -> int | None:
        """Updates between two looks of a rule that looks more often than at epoch ends."""
        found = [every for rule in self.rules if (every := looks_every(rule)) is not None]
        return min(found) if found else None


FLAT = schedules.Constant()
COOLED = FLAT.cooldown("20%")
SAFE = rules.Divergence()


def keras_plateau(factor: float = 0.1, patience: int = 10) -> rules.Plateau:
    """`keras.callbacks.ReduceLROnPlateau`, whose default settings these are."""
    return rules.Plateau(
        "val_loss", factor=factor, patience=patience, min_delta=1e-4, threshold="absolute"
    )


def baselines() -> list[Policy]:
    """What people do without this library."""
    found = [
        Policy("constant", FLAT),
        Policy("linear to 0", schedules.Linear()),
        Policy("cosine", schedules.Cosine()),
        Policy("WSD, 20 %", COOLED),
        Policy("Keras's plateau, default", FLAT, (keras_plateau(),)),
    ]
    for factor in (0.1, 0.5):
        for patience in (2, 5):
            found.append(
                Policy(
                    f"Keras's plateau, {factor}, {patience}",
                    FLAT,
                    (keras_plateau(factor, patience),),
                    tuned="Keras's plateau, tuned",
                )
            )
    return found


def ours() -> dict[str, tuple[tuple[Any, ...], Any]]:
    """What this library's rules do, with default settings: name to (rules, detector).

    `Plateau` counts epochs, of which there are fifty; in its row with short epochs two hundred.
    """
    return {
        "Divergence": ((), None),
        "Plateau on val_loss": ((rules.Plateau("val_loss"),), None),
        "Plateau on loss": ((rules.Plateau("loss"),), None),
        "Plateau, short epochs": ((rules.Plateau("loss", every=12, patience="5 looks"),), None),
        "distance": ((), rules.Oscillation("distance")),
        "alignment": ((), rules.Oscillation("alignment")),
    }


def policies(steps: int) -> list[Policy]:
    """Every row of the table: the baselines, and ours alone and times a schedule.

    Args:
        steps: Updates of a run, which `auto` goes by.
    """
    found = baselines()
    for after, schedule in (("", FLAT), (" × WSD", COOLED)):
        for name, (others, detector) in ours().items():
            found.append(Policy(f"{name}{after}", schedule, (*others, SAFE), detector))
        until = final_fall(schedule, steps)
        until = None if until == steps else until
        found.append(Policy(f"auto{after}", schedule, rules.auto(steps, until)))
    cosine = schedules.Cosine()
    found.append(Policy("Plateau on loss × cosine", cosine, (rules.Plateau("loss"), SAFE)))
    found.append(Policy("auto × cosine", cosine, rules.auto(steps, final_fall(cosine, steps))))
    return found


def final_fall(schedule: schedules.Schedule, steps: int) -> int:
    """The step at which a fall begins that lasts to the end: what decides inside it is idle."""
    factors = schedule.resolve(steps=steps)(np.arange(steps))
    rises = np.flatnonzero(np.diff(factors) >= 0)
    if not len(rises):
        return 0
    return len(factors) if rises[-1] == len(factors) - 2 else int(rises[-1]) + 1
