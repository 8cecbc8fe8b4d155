"""Stuck: the loss hasn't moved from where it began."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_THERE, Symptom, Unjudged, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "stuck"
LEAST = 5
"""Places of the loss to judge by."""
MOVED = 0.02
"""The share of its first value that the loss has to fall by, or to be sure to fall at all."""
SURE = 4.0
"""Standard errors that a slope is below 0 by, to be one."""


def stuck(evidence: Evidence) -> Verdict:
    """Whether the training loss neither fell nor falls."""
    loss = evidence.loss
    if len(loss) < LEAST:
        return Unjudged(NAME, f"{LEAST} {evidence.unit}s; this run has {len(loss)}")
    first, low = float(loss[0]), float(np.median(np.sort(loss)[: max(2, len(loss) // 5)]))
    whole = line_through(np.arange(len(loss)), loss)
    if first - low > MOVED * abs(first) or whole.falls > SURE:
        return NOT_THERE
    at = "" if evidence.rates is None else f" at a rate of {number(float(evidence.rates.max()))}"
    return Symptom(
        name=NAME,
        title="No progress",
        where=evidence.stretch(0, len(loss) - 1),
        evidence=(
            f"{evidence.name} began at {number(first)} and is {number(float(loss[-1]))} after "
            f"{len(loss)} {evidence.unit}s{at}: it came down by "
            f"{max(first - low, 0) / (abs(first) or 1):.1%}, which isn't more than chance."
        ),
        advice=(
            "A rate far too low does that, and one so high that the first updates broke the net. A "
            "range of rates tells which: the finder tries them on the same batches."
        ),
        code="keras_lr.find(model, x, y)",
        severity="bad",
        epoch=evidence.epoch(0),
        step=None,
        numbers={"first": first, "last": float(loss[-1])},
        span=evidence.span(0, len(loss) - 1),
        curves=(evidence.name,),
    )
