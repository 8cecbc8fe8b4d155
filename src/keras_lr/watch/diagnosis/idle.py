"""Idle: the last epochs changed nothing, since the rate had come to next to nothing."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.overran import NOTHING
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.style import number

NAME = "idle at the end"
LEAST = 10
"""Places of the loss to judge by."""
SAME = 0.01
"""The share of its lowest value by which a loss goes up and down, at most, that doesn't change."""
TAIL = 0.2
"""The share of the run that it doesn't change for, at least. A cosine that ends with the run is at a
hundredth of its highest rate for its last sixteenth."""
PATIENCE = 3
"""Epochs that the callback waits for, at least, that would have ended the run."""


def idle(evidence: Evidence) -> Verdict:
    """Whether neither loss changed in a good part of the run, at its lowest rates."""
    rates, top = evidence.rated, float(evidence.rated.max())
    curves = {evidence.name: evidence.loss}
    validation = evidence.curve(evidence.validation)
    if validation is not None and np.isfinite(validation).all():
        curves[evidence.validation] = validation
    still = min(_still(curve) for curve in curves.values())
    low = len(rates) - 1 - int(np.flatnonzero(rates > NOTHING * top)[-1])
    count = min(still, low)
    if count < TAIL * len(rates):
        return NOT_FOUND
    first, last = len(rates) - count, len(rates) - 1
    kept = ", and ".join(
        f"{name} stayed between {number(float(curve[first:].min()), 4)} and "
        f"{number(float(curve[first:].max()), 4)}"
        for name, curve in curves.items()
    )
    unit, monitor = f"{evidence.unit}s", list(curves)[-1]
    return Symptom(
        name=NAME,
        title="Idle at the end",
        evidence=(
            f"In the last {count} of {len(rates)} {unit} {kept}: the rate was "
            f"{number(float(rates[first:].max()))} there at most, less than a hundredth of its "
            f"highest recorded ({number(top)})."
        ),
        advice=(
            "Those epochs bought nothing. End such a run with EarlyStopping, or keep what cuts the rate from "
            "going so low: min_lr of ReduceLROnPlateau, min_rate of a rule."
        ),
        code=f"keras.callbacks.EarlyStopping({monitor!r}, patience={max(PATIENCE, count // 2)})",
        severity="note",
        numbers={"idle": float(count), "rate": float(rates[-1])},
        **evidence.location(first, last),
        curves=(*curves, *evidence.rate_names),
    )


def _still(curve: np.ndarray) -> int:
    """How many places at the end a curve has that differ by next to nothing.

    >>> _still(np.array([2.0, 1.0, 0.5, 0.501, 0.5]))
    3
    """
    high = np.maximum.accumulate(curve[::-1])
    low = np.minimum.accumulate(curve[::-1])
    return int(np.logical_and.accumulate(high - low <= SAME * np.abs(low)).sum())
