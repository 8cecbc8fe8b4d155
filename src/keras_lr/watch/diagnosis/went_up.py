"""Went up: a loss that is a number at the end, and has lost what it had gained."""

import numpy as np

from keras_lr.watch.diagnosis.divergence import ADVICE, divergence
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import at_rate
from keras_lr.watch.diagnosis.meant_to_fall import ROSE, end_of, rises_slowly, tail
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import roughness
from keras_lr.watch.style import number

LOST = 0.5
"""The share of its progress that a run has lost at its end, to have diverged."""
BEYOND = 3.0
"""How many times the noise, of both before its best and after, a loss has risen by: the best of many
is low by chance."""
JUMPED = 2.0
"""How many times its highest value in the second half so far a loss jumps to at the very end, where
it can't be seen whether it stays there."""


def went_up(evidence: Evidence) -> Verdict:
    """Whether the training loss went up and stayed there, or jumps at the very end."""
    places = _jumps(evidence)
    return _lost(evidence) if places == 0 else _jumped(evidence, places)


def _jumps(evidence: Evidence) -> int:
    """How many places at the end lie far above all that were before; 0 for none."""
    loss, half = evidence.loss, len(evidence.loss) // 2
    for places in range(min(tail(loss), len(loss) - half - 1), 0, -1):
        highest, lowest = float(loss[half:-places].max()), float(loss[-places:].min())
        lost = lowest - float(loss.min()) > LOST * evidence.progress
        if lost and lowest - highest > (JUMPED - 1) * abs(highest):
            return places
    return 0


def _jumped(evidence: Evidence, places: int) -> Symptom:
    loss = evidence.loss
    first, best = len(loss) - places, int(np.argmin(loss))
    text = (
        f"{evidence.name} jumped from {number(float(loss[first - 1]))} to "
        f"{number(float(loss[first]))} at {evidence.place(first)}{at_rate(evidence, first)}, after "
        f"{number(float(loss[best]))} at best ({evidence.place(best)}); it was "
        f"{number(float(loss[-1]))} at the end."
    )
    if places > 1:
        return divergence(evidence, first, len(loss) - 1, "Diverged", text)
    advice = (
        "Go back to the weights of the place before, which a ModelCheckpoint kept. One such jump "
        f"may pass; if it comes again: {ADVICE[0].lower()}{ADVICE[1:]}"
    )
    title = f"Diverged in the last {evidence.unit}"
    return divergence(evidence, first, first, title, text, severity="warning", advice=advice)


def _lost(evidence: Evidence) -> Verdict:
    loss = evidence.loss
    best, end = int(np.argmin(loss)), end_of(loss)
    size = float(np.abs(loss).max()) or 1.0
    progress, rose = evidence.progress, end - float(np.median(loss[max(0, best - 1) : best + 2]))
    # A run that went up from its very first epoch on has no progress to lose.
    noise = min(roughness(loss[: best + 1]), roughness(loss[best:]))
    least = max(LOST * progress, ROSE * size, BEYOND * noise)
    if best >= len(loss) - tail(loss) or rose <= least:
        return NOT_FOUND
    norm = evidence.curve("weight_norm")
    if norm is not None and norm[-1] < norm[best]:  # shrinking weights took it back
        return NOT_FOUND
    level = loss[best] + LOST * rose
    first = int(best + np.argmax(loss[best:] > level))
    share = "" if progress == 0 else f", {rose / progress:.0%} of its progress lost"
    start = f"{evidence.name} went up from {number(float(loss[best]))} ({evidence.place(best)}) to "
    if rises_slowly(loss):
        text = f"{start}{number(end)}, little by little{share}{at_rate(evidence, first)}."
        title = "Diverged little by little"
        return divergence(evidence, best, len(loss) - 1, title, text, severity="warning")
    text = (
        f"{start}{number(end)} and stayed there{share}; it left at {evidence.place(first)}"
        f"{at_rate(evidence, first)}."
    )
    return divergence(evidence, first, len(loss) - 1, "Diverged", text)
