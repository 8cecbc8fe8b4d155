"""Decayed too soon: the rate came to nothing while the loss still fell."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through, own_time
from keras_lr.watch.style import number

NAME = "rate decayed too soon"
LEAST = 8
"""Places of the loss to judge by."""
NOTHING = 0.05
"""The share of its highest value below which a rate is next to nothing. A cosine is below it for
the last seventh of its run, a line for a twentieth."""
WASTED = 0.25
"""The share of the run that the rate lay below it."""
HIGH = 0.2
"""The share of its highest value above which the pace is taken."""
SURE = 3.0
"""Standard errors that the loss falls by at that pace."""
MATTERS = 0.1
"""The wasted part at `NOTHING` would have won at least this share of the progress, at that pace."""
FROZEN = 0.6
"""The share of the loss where the rate was last a fifth of its highest that is left at the end, of a
run that didn't come on after that."""


def decayed(evidence: Evidence) -> Verdict:
    """Whether the loss fell while the rate was there, and the rate wasn't there for long."""
    rates, loss = evidence.rated, evidence.loss
    top = float(rates.max())
    alive = int(np.flatnonzero(rates >= NOTHING * top)[-1])
    wasted = len(rates) - 1 - alive
    if wasted < max(3, WASTED * len(rates)):
        return NOT_FOUND
    pace, sure = _pace(rates, loss, alive)
    end = float(np.median(loss[-3:]))
    won = pace * NOTHING * wasted
    there = int(np.flatnonzero(rates >= HIGH * top)[-1])
    if loss[there] > 0 and end < FROZEN * float(loss[there]):
        return NOT_FOUND
    if sure < SURE or won < MATTERS * evidence.progress or end >= float(loss[:2].min()):
        return NOT_FOUND  # or it has lost what it won at once, at a rate that was too high
    unit = f"{evidence.unit}s"
    return Symptom(
        name=NAME,
        title="Rate decayed too soon",
        evidence=(
            f"The learning rate was below a twentieth of its highest recorded ({number(top)}) from "
            f"{evidence.place(alive + 1)} on, {wasted} of {len(rates)} {unit}, and ended at "
            f"{number(float(rates[-1]))}; {evidence.name} was still falling before "
            f"({number(float(loss[max(0, alive - 1)]))} at {evidence.place(max(0, alive - 1))}) "
            f"and came to {number(float(loss[-1]))}."
        ),
        advice=(
            "Let the rate fall over the whole run and not sooner; or, if a rule or "
            "ReduceLROnPlateau cut it, give it more patience, a factor of 0.5, and a min_rate "
            "(in Keras min_lr)."
        ),
        code="keras_lr.LearningRate(schedule='cosine')",
        numbers={"rate": float(rates[-1]), "wasted": float(wasted), "share": wasted / len(rates)},
        **evidence.location(alive + 1, len(rates) - 1),
        curves=(evidence.name, *evidence.rate_names),
    )


def _pace(rates: np.ndarray, loss: np.ndarray, alive: int) -> tuple[float, float]:
    """How fast the loss fell in the training's own time before the rate was gone, and how surely.

    From the last places at a rate that counts: not from the fall that follows a cut, which is less
    noise and no way made.
    """
    time = own_time(rates)
    high = np.flatnonzero(rates[: alive + 1] >= HIGH * rates.max())
    last = high[-max(4, len(high) // 2) :]
    if len(last) < 4:  # so soon that there is nothing before it: the fall and what follows it
        last = np.arange(max(0, int(high[-1]) - 1), min(len(rates), int(high[-1]) + 4))
    if len(last) < 3 or time[last[-1]] == time[last[0]]:
        return 0.0, 0.0
    line = line_through(time[last], loss[last])
    return -line.slope, line.falls
