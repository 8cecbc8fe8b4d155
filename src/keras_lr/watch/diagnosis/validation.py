"""Validation exploded: the validation loss is no number, or beyond all measure, the other is fine."""

import math

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import find_line
from keras_lr.watch.diagnosis.meant_to_fall import rises_slowly
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.style import number

NAME = "validation exploded"
LEAST = 2
"""Epochs with a validation loss; and those at the end that are no number, or far too high."""
EXPLODED = 10.0
"""How many times its first value the validation loss is at the end. Overfitting goes slower: it
takes a net that is sure of wrong answers to be above where it began at all."""
TOGETHER = 0.5
"""The same for the training loss, as a share of its own first value, of one that went with it."""
LOWER = 4
"""What the highest rate is divided by in the advice."""


def validation_exploded(evidence: Evidence) -> Verdict:
    """Whether the validation loss ends as no number, or far above its first value."""
    name = evidence.validation
    points = evidence.run.logged(name)
    epochs = [epoch for epoch, _ in points]
    values = np.array([value for _, value in points], float)
    wrong = ~np.isfinite(values)
    finite = values[~wrong]
    if not wrong[-1] and finite[0] > 0:
        wrong |= values > EXPLODED * finite[0]
    # What is wrong to the end; gaps that came before are those of epochs without validation.
    right = np.flatnonzero(~wrong)
    first = int(right[-1]) + 1 if len(right) else 0
    gaps = np.diff(right, prepend=-1) - 1
    longest = int(gaps.max()) if len(right) else 0
    if len(values) - first < max(LEAST, 1 + longest) or _went_up(evidence):
        return NOT_FOUND
    if np.isfinite(values).all() and rises_slowly(values):  # which is overfitting
        return NOT_FOUND
    place = int(np.searchsorted(evidence.at, epochs[first] + 1))
    place = min(place, len(evidence.at) - 1)
    last, loss = float(values[-1]), evidence.loss
    before = f", after {number(float(finite.min()))} at best" if first and len(finite) else ""
    what = "NaN" if math.isnan(last) else number(last)
    text = (
        f"{name} is {what} at the end, from {evidence.place(place)} on{before}, while "
        f"{evidence.name} came from {number(float(loss[0]))} to {number(float(loss[-1]))}."
    )
    rate = None if evidence.rates is None or evidence.at_rest else float(evidence.rates.max())
    advice, code = _no_number(what) if not math.isfinite(last) else _too_high(rate)
    return Symptom(
        name=NAME,
        title="Validation exploded",
        evidence=text,
        advice=advice,
        code=code,
        numbers={"first": float(values[0]), "last": last},
        **evidence.location(place, len(evidence.at) - 1),
        curves=(name, evidence.name),
    )


def _went_up(evidence: Evidence) -> bool:
    """Whether the training loss, at its end, has gone with it."""
    return float(evidence.loss[-1]) > (1 + TOGETHER) * abs(float(evidence.loss[0]))


def _no_number(what: str) -> tuple[str, str]:
    return (
        f"A training loss that is fine beside it says that the validation data has {what} in it, or "
        "values that the net never saw: look at the data first, then at layers that behave "
        "otherwise in evaluation, such as BatchNormalization.",
        "import numpy\nprint(numpy.isfinite(x_val).all(), numpy.isfinite(y_val).all())",
    )


def _too_high(rate: float | None) -> tuple[str, str]:
    return (
        "Scale the validation data as the training data; if it is, the weights go faster than the "
        "moving averages of BatchNormalization: take a lower rate, or let the averages follow "
        "sooner.",
        f"keras.layers.BatchNormalization(momentum=0.9)\n{find_line(rate, LOWER)}",
    )
