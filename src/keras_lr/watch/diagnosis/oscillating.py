"""Oscillating: the loss goes up and down instead of on."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import COOLDOWN, find_line, guessed
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Missing, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through
from keras_lr.watch.style import number

NAME = "oscillating"
LEAST = 10
"""Places in the second half of the run."""
SWING = 0.15
"""How far the loss swings (a standard deviation), as a share of its level."""
QUARTILES = 1.349
"""How far apart the quartiles of a normal distribution are, in standard deviations."""
LOST = 0.02
"""The same as a share of the progress after the first place (which a rate far too high begins with
any loss): below it, the swings are of a loss that is nearly 0."""
RISES = 1 / 3
"""The share of the second half's steps that go up."""
DOWN = 0.5
"""The share of its highest rate of the second half that a run ends with at most whose rate came
down: its schedule does what there would be to advise."""
GOES_ON = 4.0
"""How many swings the second half brings the loss down by, of one that goes on."""

LOWER = 2
"""What the highest rate is divided by for a guess."""


def oscillating(evidence: Evidence) -> Verdict:
    """Whether the training loss swings about a level in the second half of the run."""
    half = len(evidence.at) // 2
    loss, rates = evidence.loss[half:], evidence.rated[half:]
    if np.count_nonzero(np.diff(rates) > 0.01 * rates[:-1]) > 1:
        return Missing("a rate that doesn't rise again: the loss swings with this one")
    if rates[-1] < DOWN * rates.max():
        return NOT_FOUND
    line = line_through(np.arange(len(loss)), loss)
    flat = loss - line.slope * (np.arange(len(loss)) - (len(loss) - 1) / 2)
    # By the quartiles, so that one spike is none, and a zigzag between two levels is one.
    low, high = (float(each) for each in np.percentile(flat, (25, 75)))
    level, swing = abs(low + high) / 2, (high - low) / QUARTILES
    rises = float(np.mean(np.diff(loss) > 0))
    progress = float(evidence.loss[1] - evidence.loss.min())
    small = swing < max(SWING * level, LOST * progress)
    if small or rises < RISES or -line.slope * len(loss) > GOES_ON * swing or 0 in (swing, level):
        return NOT_FOUND
    rate = None if evidence.rates is None else float(rates.max())
    at = "" if rate is None else f" at a rate of {number(rate)}"
    again = _taken_back(evidence, half)
    rules = "keras_lr.LearningRate(rules=[keras_lr.rules.Oscillation('alignment')])"
    return Symptom(
        name=NAME,
        title="Oscillating",
        evidence=(
            f"In the second half {evidence.name} swings by ±{number(swing)} about "
            f"{number(level)} ({swing / level:.0%}){at}, and goes up in {rises:.0%} of the "
            f"{evidence.unit}s{again}."
        ),
        advice=(
            "Let the rate fall to 0 over the last fifth of the run, or halve it; or let a rule look "
            "at the gradients and cut when they take back what the update before did. keras_lr.find "
            "measures a rate that doesn't swing so."
        ),
        code=f"{COOLDOWN}\n{rules}\n{find_line(rate, LOWER)}",
        numbers={"swing": swing, "level": level, "rises": rises} | guessed(rate, LOWER),
        **evidence.location(half, len(evidence.at) - 1),
        curves=(evidence.name,),
    )


def _taken_back(evidence: Evidence, half: int) -> str:
    found = evidence.curve("alignment")
    if found is None or not np.isfinite(found[half:]).any():
        return ""
    mean = float(np.nanmean(found[half:]))
    return f"; the gradients' alignment with the update before is {number(mean)}"
