"""Overran: the schedule was over before the run was, and left nothing to learn with."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.style import number

NAME = "schedule overrun"
LEAST = 6
"""Places of the rate to judge by."""
NOTHING = 0.01
"""The share of its highest value that a rate stays at, at most."""
TAIL = 0.1
"""The share of the run that it stays there, at least."""
SMOOTH = 3
"""Falls in a row before it, of a schedule; a rule cuts and then waits."""


def overran(evidence: Evidence) -> Verdict:
    """Whether the rate lay at the end of its schedule for a good part of the run."""
    rates = evidence.rated
    last, top = float(rates[-1]), float(rates.max())
    if last > NOTHING * top:
        return NOT_FOUND
    moving = np.flatnonzero(np.abs(rates - last) > 1e-6 * top)
    first = int(moving[-1]) + 1 if len(moving) else 0
    # The first place at the floor belongs to the fall.
    there = float(rates[first])
    idle = len(rates) - 1 - first
    falls = np.diff(rates[: first + 1])[-SMOOTH:]
    smooth = len(falls) == SMOOTH and bool((falls < 0).all())
    if idle < max(2, TAIL * len(rates)) or not (smooth or last == 0.0):
        return NOT_FOUND
    unit = f"{evidence.unit}s"
    stayed = "stayed" if there == last else f"fell on to {number(last)}"
    learned = "nothing was learned" if last == 0 == there else "next to nothing was learned"
    return Symptom(
        name=NAME,
        title="Schedule overrun",
        evidence=(
            f"The learning rate came down to {number(there)} at {evidence.place(first)} (from "
            f"{number(top)}, its highest recorded) and {stayed}: in the last {idle} of "
            f"{len(rates)} {unit} {learned}."
        ),
        advice=(
            f"Stop after {first + 1} {unit}, or let the rate fall over the whole run: a schedule "
            "without a length takes that of fit; what cuts it stops at a min_rate (in Keras's "
            "ReduceLROnPlateau min_lr)."
        ),
        code="keras_lr.LearningRate(schedule='cosine')",
        numbers={"rate": last, "idle": float(idle), "share": idle / len(rates)},
        **evidence.location(first, len(rates) - 1),
        curves=evidence.rate_names,
    )
