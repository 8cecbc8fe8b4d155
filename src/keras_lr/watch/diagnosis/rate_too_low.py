"""Rate too low: at the end the loss still falls as fast as it did before."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import MEASURE, line_with
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through, own_time, roughness
from keras_lr.watch.style import number

NAME = "rate too low"
LEAST = 3
"""Places of the loss that a line goes through, at least."""
STRAIGHT = 0.6
"""The pace of the second half over that of the quarter before it, from which on it is a line: 1 of
a line, .69 of an exponential that has come down one e-fold, .5 of a logarithm, .35 of 1/√t."""
BENT = 2.0
"""The same, up to which it is a line; beyond, the loss lay on a plateau and the decay brings it down."""
SURE = 4.0
"""Standard errors that the second half's slope is below 0 by."""
MATTERS = 0.1
"""As long a run again would win at least this share of the progress so far."""
HIGH = (0.9, 0.5)
"""Shares of the highest rate down to which the pace is judged apart, where that is enough: the end
of a decay brings the loss down at any rate."""
LASTS = 0.5
"""The pace of the last quarter over that of the quarter before, for the line to go on to the end."""
LEFT = 0.25
"""The share of what that would win that is left to win, where the loss has always been above 0."""
ALIKE = 0.95
"""The share of a pace that is told as the same."""
MOST = 10.0
"""The largest factor that is advised at once."""
FEWEST = 4
"""Epochs that show a line by themselves, of a loss that falls in each of them by as much"""
HARDLY = 0.05
"""and by no more than this share in all."""


def rate_too_low(evidence: Evidence) -> Verdict:
    """Whether the loss falls in a straight line; of a short run, whether it hardly falls in one."""
    verdict = _in_a_line(evidence)
    if isinstance(verdict, Symptom):
        return verdict
    return _hardly(evidence.by_epochs()) or verdict


def _in_a_line(evidence: Evidence) -> Verdict:
    """Whether the loss falls in a straight line of the training's own time.

    The time is the sum of the rates, in which a decay doesn't look like a training that gets
    slower. The line has to be straight before the rate has begun to fall, and on the whole.
    """
    time, rates = own_time(evidence.rated), evidence.rated
    ends = [int(np.flatnonzero(rates >= share * rates.max())[-1]) + 1 for share in HIGH]
    judged = [end for end in ends if _enough(time[:end])]
    if not judged or not _enough(time):
        return Missing(
            f"about {4 * LEAST} {evidence.unit}s at no less than half the highest rate; this run "
            f"has {ends[-1]}",
            4 * LEAST if len(time) < 4 * LEAST else 0,
        )
    for end in (*judged, len(time)):
        early, late = _halves(time[:end])
        before = line_through(time[early], evidence.loss[early])
        after = line_through(time[late], evidence.loss[late])
        straight = STRAIGHT * before.slope >= after.slope >= BENT * before.slope
        if before.slope >= 0 or not straight or after.falls < SURE:
            return NOT_FOUND
    if not _lasts(time, evidence.loss, late) or _alone(evidence, late):
        return NOT_FOUND
    pace, length = -after.slope, float(time[-1])
    end = float(np.median(evidence.loss[-LEAST:]))
    won = pace * length
    if won < max(MATTERS * evidence.progress, 4 * roughness(evidence.loss)):
        return NOT_FOUND
    if evidence.loss.min() > 0 and end < LEFT * won:  # no line goes on below 0
        return NOT_FOUND
    return _symptom(evidence, late, after.slope, before.slope, end, won)


def _hardly(epochs: Evidence) -> Symptom | None:
    """Of a run that is too short for more: whether its loss falls by the same little in each epoch."""
    loss, rates = epochs.loss, epochs.rated
    if not FEWEST <= len(loss) < 4 * LEAST or rates.min() < HIGH[-1] * rates.max():
        return None
    falls = -np.diff(loss)
    total, first = float(loss[0] - loss[-1]), float(loss[0])
    if falls.min() <= 0 or falls.min() < STRAIGHT * falls.max() or total > HARDLY * abs(first):
        return None
    text = (
        f"{epochs.name} fell from {number(first)} to {number(float(loss[-1]))} in {len(loss)} epochs, "
        f"{total / abs(first):.1%} in all, and as fast in the last ({number(float(falls[-1]))}) as in "
        f"the one before ({number(float(falls[-2]))})."
    )
    rate = None if epochs.rates is None else float(f"{float(epochs.rates.max()) * MOST:.2g}")
    longer = f"train {MOST:g} times as long"
    return _made(epochs, np.arange(len(loss)), text, longer, MOST, rate)


def _halves(time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The second quarter and the second half, by place."""
    share = time / time[-1]
    return np.flatnonzero((share >= 0.25) & (share <= 0.5)), np.flatnonzero(share > 0.5)


def _enough(time: np.ndarray) -> bool:
    return min(map(len, _halves(time))) >= LEAST


def _lasts(time: np.ndarray, loss: np.ndarray, late: np.ndarray) -> bool:
    """Whether the second half's fall isn't that of its beginning alone."""
    middle = len(late) // 2
    if middle < LEAST:
        return True
    third, last = (line_through(time[part], loss[part]) for part in np.split(late, [middle]))
    return last.slope < LASTS * min(third.slope, 0.0)


def _alone(evidence: Evidence, late: np.ndarray) -> bool:
    """Whether there is a validation loss, and it doesn't fall with the training loss."""
    found = evidence.curve(evidence.validation)
    there = [] if found is None else [place for place in late if np.isfinite(found[place])]
    if found is None or len(there) < LEAST:
        return False
    return line_through(there, found[there]).falls < SURE


def _symptom(
    evidence: Evidence,
    late: np.ndarray,
    slope: float,
    earlier: float,
    end: float,
    won: float,
) -> Symptom:
    # At this pace a loss that can't be below 0 is at 0 after so many runs of this length.
    room = end / won if evidence.loss.min() > 0 else 2.0
    factor = float(f"{min(MOST, max(2.0, 1 + room)):.1g}")
    rates = evidence.rated
    ratio = slope / earlier
    as_fast = "as fast as before" if ratio > ALIKE else f"{ratio:.0%} as fast as before"
    as_fast += "" if rates.min() == rates.max() else " for its rate"
    per = -line_through(late, evidence.loss[late]).slope
    last = float(evidence.loss[-1])
    again = f"as long a run again at this pace would take it from {number(last)} to "
    if evidence.loss.min() > 0 >= last - won:  # where no loss of its kind goes
        again += "0, so that the pace can't last"
    else:
        again += number(last - won)
    text = (
        f"{evidence.name} still falls by {number(per)} {evidence.each} in the second half, {as_fast}; "
        f"{again}."
    )
    longer = f"train {factor:g} times as long"
    if evidence.rates is None:
        text += " (The learning rate isn't logged, and taken as constant.)"
        return _made(evidence, late, text, longer, factor, None)
    rate = float(evidence.rates.max()) * factor
    return _made(evidence, late, text, longer, factor, float(f"{rate:.2g}"))


def _made(
    evidence: Evidence,
    late: np.ndarray,
    text: str,
    longer: str,
    factor: float,
    rate: float | None,
) -> Symptom:
    first, last = int(late[0]), int(late[-1])
    higher = f"{factor:g} times the rate" + ("" if rate is None else f" ({rate:g})")
    return Symptom(
        name=NAME,
        title="Rate too low or run too short",
        evidence=text,
        advice=(
            f"{MEASURE} The curve alone tells no more than a first step, which may not be enough: "
            f"{higher}, or {longer}."
        ),
        code=line_with(rate),
        numbers={"factor": factor, **({} if rate is None else {"rate": rate})},
        **evidence.location(first, last),
        curves=(evidence.name,),
    )
