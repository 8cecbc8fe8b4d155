"""Worse: a net that gained nothing and has become worse, which no rate that is too low does to it."""

import numpy as np

from keras_lr.watch.diagnosis.broken import accuracy_of, third_of
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.trend import roughness
from keras_lr.watch.style import number

ROSE = 0.02
"""The share that a loss is above the lower of its first two values at the end, of one that rose."""
FELL = 0.2
"""The share of the first place's accuracy that is lost at the end."""
BEYOND = 3.0
"""Times the noise that either has to be, to be beyond it."""


def worse(evidence: Evidence, *, validated: bool = True) -> str | None:
    """How a net has become worse than it was in its first places; `None` where it hasn't.

    Args:
        evidence: Of a run whose loss hasn't fallen.
        validated: Whether the validation loss counts: not that of a net that may have learned all in
            its first epoch, and overfits since.
    """
    accuracy = accuracy_of(evidence)
    if accuracy is not None:
        first, end = float(accuracy[0]), _end(accuracy)
        if first - end > max(FELL * first, BEYOND * roughness(accuracy)):
            return f"its accuracy fell from {first:.0%} to about {end:.0%}"
    curves = {evidence.name: evidence.loss}
    found = evidence.curve(evidence.validation)
    if validated and found is not None and np.isfinite(found).all():
        curves[evidence.validation] = found
    for name, curve in curves.items():
        first, end = float(curve[:2].min()), _end(curve)
        if end - first > max(ROSE * abs(first), BEYOND * roughness(curve)):
            place = evidence.place(int(np.argmin(curve[:2])))
            return f"{name} rose from {number(first)} ({place}) to about {number(end)}"
    return None


def _end(curve: np.ndarray) -> float:
    return float(np.median(curve[-third_of(curve) :]))
