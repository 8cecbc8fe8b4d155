"""Stuck: the loss hasn't moved from where it began."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import NOT_THERE, Symptom, Unjudged, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "stuck"
LEAST = 6
"""Places of the loss to judge by."""
MOVED = 0.05
"""The share that the loss comes down by after the first place, of one that moves."""
SURE = 4.0
"""Standard errors that a slope is below 0 by, to be one."""
LEFT = 0.02
"""The share of its first value that the loss has left; below it everything is learned."""
HIGH = 0.5
"""The share of the highest rate down to which the slope is taken."""


def stuck(evidence: Evidence) -> Verdict:
    """Whether the training loss neither fell nor falls, its first value aside.

    A rate so high that the first updates break the net gives a first value of any size, and nothing
    after it.
    """
    loss, rates = evidence.loss, evidence.rated
    if len(loss) < LEAST:
        return Unjudged(NAME, f"{LEAST} {evidence.unit}s; this run has {len(loss)}")
    rest = loss[1:]
    first = max(float(rest[0]), float(np.median(rest[: max(2, len(rest) // 3)])))
    low = float(np.mean(np.sort(rest)[: max(2, len(rest) // 5)]))
    high = 1 + np.flatnonzero(rates[1:] >= HIGH * rates.max())
    line = line_through(high, loss[high]) if len(high) > 3 else line_through(range(len(rest)), rest)
    if first - low > MOVED * abs(first) or line.falls > SURE or low < LEFT * loss[0]:
        return NOT_THERE
    moved = abs(float(loss[0]) - first) > MOVED * abs(first)
    at = "" if evidence.rates is None else f" at a rate of {number(float(evidence.rates.max()))}"
    return Symptom(
        name=NAME,
        title=f"No progress after the first {evidence.unit}" if moved else "No progress",
        where=evidence.stretch(0, len(loss) - 1),
        evidence=(
            f"{evidence.name} was {number(float(loss[0]))} at the first of {len(loss)} "
            f"{evidence.unit}s, {number(float(loss[1]))} at the second and "
            f"{number(float(loss[-1]))} at the last{at}: after the first it came down by "
            f"{max(first - low, 0) / (abs(first) or 1):.1%}."
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
