"""Rate too high: nothing was gained at the schedule's highest rates, only on the way down."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import find_it, find_line, guessed
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "rate too high"
LEAST = 5
"""Places at the high rates, the first place aside."""
HIGH = (0.95, 0.75)
"""The share of the highest rate from which on a rate is one of the high ones: the first where that
gives places enough, since the fall begins to bring the loss down."""
DOWN = 0.5
"""The share of it that the rate ends with at most: it came down."""
SURE = 2.0
"""Standard errors that the slope is below 0 by, of a loss that falls."""
WHOLE = 0.9
"""The share of the loss at the second place that is left at the high rates: they gained nothing.
(One that has come down before may lie flat at the top of a one-cycle, and rightly so.)"""
GAINED = 0.05
"""The share that the loss fell by afterwards."""
LOWER = 4
"""What the highest rate is divided by for a guess."""


def rate_too_high(evidence: Evidence) -> Verdict:
    """Whether the loss didn't fall at the high rates from the second place on, and did below them.

    A plateau that a cut ends doesn't begin so early.
    """
    rates, loss = evidence.rated, evidence.loss
    top = float(rates.max())
    stretches = [1 + np.flatnonzero(rates[1:] >= share * top) for share in HIGH]
    high = next((places for places in stretches if len(places) >= LEAST), None)
    if high is None:
        return Missing(
            f"a rate that stays high for longer: {LEAST} {evidence.unit}s after the first at three "
            f"quarters of its highest or more; here it was {len(stretches[-1])}",
        )
    if rates[-1] > DOWN * top or line_through(high, loss[high]).falls > SURE:
        return NOT_FOUND
    level, end = float(np.median(loss[high])), float(np.median(loss[-3:]))
    if level - end < GAINED * abs(level) or level < WHOLE * float(loss[1]):
        return NOT_FOUND
    first, last = int(high[0]), int(high[-1])
    return Symptom(
        name=NAME,
        title="Rate too high",
        evidence=(
            f"{evidence.name} didn't fall at rates from {number(float(rates[high].min()))} to {number(top)} "
            f"(about {number(level)}: {number(float(loss[first]))} at {evidence.place(first)}, "
            f"{number(float(loss[last]))} at {evidence.place(last)}); it came to {number(end)} as "
            "the rate fell."
        ),
        advice=find_it(top, LOWER),
        code=find_line(top, LOWER),
        numbers={"level": level, "end": end} | guessed(top, LOWER),
        **evidence.location(first, last),
        curves=(evidence.name, *evidence.rate_names),
    )
