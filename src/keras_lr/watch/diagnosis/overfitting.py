"""Overfitting: the validation loss rises while the training loss falls. Not the rate's doing."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "overfitting"
LEAST = 5
"""Epochs with a validation loss."""
ROSE = 0.05
"""How far the validation loss is above its best at the end, as a share of it."""
TAIL = 3
"""Epochs whose median is the end."""
SURE = 4.0
"""Standard errors by which the validation loss rises from its best on."""


def overfitting(evidence: Evidence) -> Verdict:
    """Whether the validation loss is well above its best, and the training loss at its own."""
    name = evidence.validation
    found = evidence.curve(name)
    if found is None or np.isfinite(found).sum() < LEAST:
        return Missing(f"{name} as a number in {LEAST} epochs")
    there = np.flatnonzero(np.isfinite(found))
    best = int(there[np.argmin(found[there])])
    end = float(np.median(found[there][-TAIL:]))
    rose = end - float(found[best])
    train = evidence.loss
    falls = float(np.median(train[-TAIL:])) < float(train[best])
    after = there[there >= best]
    if not falls or rose <= ROSE * abs(float(found[best])) or len(after) <= TAIL:
        return NOT_FOUND
    if line_through(after, -found[after]).falls < SURE:
        return NOT_FOUND
    return Symptom(
        name=NAME,
        title="Overfitting (not the learning rate)",
        evidence=(
            f"{name} rose from {number(float(found[best]))} ({evidence.place(best)}) to "
            f"{number(end)} while {evidence.name} fell from {number(float(train[best]))} to "
            f"{number(float(np.median(train[-TAIL:])))}."
        ),
        advice=(
            "No rate cures that. Stop there, or take more data, dropout, or weight decay: "
            "restore_best_weights goes back to the best epoch."
        ),
        code=(
            f"keras.callbacks.EarlyStopping({name!r}, patience={max(3, len(train) // 10)}, "
            "restore_best_weights=True)"
        ),
        severity="note",
        numbers={"best": float(found[best]), "last": end},
        **evidence.location(best, len(train) - 1),
        curves=(name, evidence.name),
    )
