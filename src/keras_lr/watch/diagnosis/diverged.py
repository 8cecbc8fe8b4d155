"""Diverged: the loss is no number any more, or has lost what it had gained."""

import math
from dataclasses import replace

import numpy as np

from keras_lr.watch.diagnosis.divergence import divergence
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import at_rate
from keras_lr.watch.diagnosis.needs import falling, places
from keras_lr.watch.diagnosis.symptom import Symptom, Verdict
from keras_lr.watch.diagnosis.went_up import went_up
from keras_lr.watch.style import number

LEAST = 3
"""Places of the loss to judge one by whose values are all numbers."""


def diverged(evidence: Evidence) -> Verdict:
    """Whether the training loss became NaN or infinite, or went up and stayed there."""
    bad = np.flatnonzero(~np.isfinite(evidence.loss))
    if len(bad):
        return _not_finite(evidence, bad)
    return places(LEAST)(evidence) or falling(evidence) or went_up(evidence)


def _not_finite(evidence: Evidence, bad: np.ndarray) -> Symptom:
    first = int(bad[0])
    value = evidence.loss[first]
    back = bool(np.isfinite(evidence.loss[-1]))
    best = np.min(evidence.loss[:first]) if first else math.nan
    before = f", after {number(float(best))} at best" if first else ""
    update = _first_update(evidence)
    place = evidence.place(first) if update is None else f"step {update}"
    evidence_text = (
        f"{evidence.name} is {'NaN' if math.isnan(value) else number(float(value))} at "
        f"{place}{at_rate(evidence, first)}{before}."
    )
    if back:
        rolled = [e for e in evidence.run.events if e.cause.startswith("divergence")]
        how = "was rolled back" if rolled else "came back"
        return divergence(
            evidence,
            first,
            int(bad[-1]),
            f"Diverged, and {how}",
            f"{evidence_text} It {how}: at the end it is {number(float(evidence.loss[-1]))}.",
            severity="note",
        )
    if first == 0:
        evidence_text += " It was so from the start, which NaN in the data does too."
    found = divergence(evidence, first, len(evidence.at) - 1, "Diverged", evidence_text)
    return found if update is None else replace(found, where=f"from {place} on", step=update)


def _first_update(evidence: Evidence) -> int | None:
    """The first recorded update whose loss is no number."""
    curve = evidence.run.steps.get(evidence.name)
    if curve is None:
        return None
    pairs = zip(curve.steps, curve.values, strict=True)
    return next((int(step) for step, value in pairs if not math.isfinite(value)), None)
