"""Stuck: the loss hasn't moved from where it began."""

import math
from dataclasses import replace

import numpy as np

from keras_lr.watch.diagnosis.broken import FELL, guesses, is_broken, threw_up
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.lower import FIND, FINDS, MEASURE
from keras_lr.watch.diagnosis.needs import places
from keras_lr.watch.diagnosis.symptom import NOT_FOUND, Symptom, Verdict
from keras_lr.watch.diagnosis.trend import line_through, roughness
from keras_lr.watch.diagnosis.worse import worse
from keras_lr.watch.style import number

NAME = "stuck"
LEAST = 6
"""Places of the loss to judge by."""
FEWEST = 3
"""Epochs that show that a net is sure of wrong answers, and more so than in the first."""
MOVED = 0.05
"""The share that the loss comes down by after the first place, of one that moves."""
SURE = 4.0
"""Standard errors that a slope is below 0 by, to be one."""
GAINED = 0.005
"""The share that the loss came down by at the high rates, if that is beyond the noise, of a net that
had learned before and gains a little."""
BEYOND = 2.0
"""Standard errors of that fall, to be beyond it."""
LEFT = 0.02
"""The share of its first value that the loss has left, below which it may all be learned."""
RESTLESS = 0.03
"""The noise of such a loss, as a share of its level: it stays in proportion to what is left, whereas
a net that the first updates broke says the same to every input."""
RESOLVED = 1e-6
"""The share of its first value below which a loss is nothing, in single precision."""
HIGH = 0.5
"""The share of the highest rate down to which the slope is taken."""


def stuck(evidence: Evidence) -> Verdict:
    """Whether the training loss neither fell nor falls, its first value aside.

    A rate so high that the first updates break the net gives a first value of any size, and nothing
    after it.
    """
    loss, rates = evidence.loss, evidence.rated
    if evidence.at_rest:
        return _at_rest(evidence)
    if sure := _sure_of_wrong_answers(evidence.by_epochs()):
        return sure
    if short := places(LEAST)(evidence):
        return short
    guess = guesses(evidence)
    if guess is not None and is_broken(loss, guess):
        return _too_high(evidence, guess)
    rest = loss[1:]
    first = max(float(rest[0]), float(np.median(rest[: max(2, len(rest) // 3)])))
    low = float(np.mean(np.sort(rest)[: max(2, len(rest) // 5)]))
    high = 1 + np.flatnonzero(rates[1:] >= HIGH * rates.max())
    line = line_through(high, loss[high]) if len(high) > 3 else line_through(range(len(rest)), rest)
    may_move = MOVED if guess is None else FELL  # a decay brings the loss of one that guesses down
    if first - low > may_move * abs(first) or line.falls > SURE or _learned(loss, low):
        return NOT_FOUND
    moved = abs(float(loss[0]) - first) > MOVED * abs(first)
    if guess is None and not moved and _gains(loss, np.flatnonzero(rates >= HIGH * rates.max())):
        return NOT_FOUND
    how = worse(evidence, validated=not moved)
    if how is not None:
        return _symptom(
            evidence,
            " at a rate too high",
            f"{how}, which a rate too low doesn't do",
            HOW_FAR,
            first,
        )
    lowest = f"its lowest after the first {evidence.unit} was {number(float(rest.min()))}"
    if moved:
        return _symptom(
            evidence,
            f" after the first {evidence.unit}",
            lowest,
            "Mostly the rate is so high that the first updates broke the net, which one too low can't; "
            f"a net that has learned all that it can looks alike. To tell, {FINDS}",
            first,
        )
    return _symptom(
        evidence,
        "" if evidence.rates is None else f" {_at(evidence)}",
        lowest,
        f"A rate far too low does that, and one so high that no update helps. To tell, {FINDS}",
        first,
    )


HOW_FAR = f"{MEASURE} How far too high this one is, such a run doesn't tell."
"""What to do about a rate that broke the net."""


def _sure_of_wrong_answers(epochs: Evidence) -> Symptom | None:
    """Of a net that guesses and has a loss far above that of a guess, which needs few epochs."""
    guess = guesses(epochs) if len(epochs.at) >= FEWEST else None
    return None if guess is None or not threw_up(epochs.loss, guess) else _too_high(epochs, guess)


def _too_high(evidence: Evidence, guess: float) -> Symptom:
    """Of a net that the first updates broke, which its accuracy tells."""
    found = _symptom(
        evidence,
        " at a rate far too high",
        f"the first updates broke the net, and its accuracy has stayed at about {guess:.0%} since",
        HOW_FAR,
        float(evidence.loss[1]),
    )
    return replace(found, numbers={**found.numbers, "accuracy": guess})


def _at(evidence: Evidence) -> str:
    """The rate, or the highest of several."""
    rates = evidence.rated
    same = float(rates.min()) == float(rates.max())
    return f"at {'a rate of' if same else 'rates up to'} {number(float(rates.max()))}"


def _symptom(evidence: Evidence, what: str, how: str, advice: str, first: float) -> Symptom:
    loss = evidence.loss
    at = "" if evidence.rates is None else f", {_at(evidence)}"
    return Symptom(
        name=NAME,
        title=f"Stuck{what}",
        evidence=(
            f"{evidence.name} was {number(float(loss[0]))} at the first of {len(loss)} "
            f"{evidence.unit}s, {number(float(loss[1]))} at the second and "
            f"{number(float(loss[-1]))} at the last{at}; {how}."
        ),
        advice=advice,
        code=FIND,
        severity="bad",
        numbers={"first": first, "last": float(loss[-1])},
        curves=(evidence.name, *(() if evidence.rates is None else evidence.rate_names)),
        **evidence.location(0, len(loss) - 1),
    )


def _learned(loss: np.ndarray, low: float) -> bool:
    """Whether so little of the first value is left that there is no more to learn."""
    if low <= RESOLVED * abs(float(loss[0])):
        return low >= 0
    return low < LEFT * float(loss[0]) and roughness(loss[1:]) >= RESTLESS * low


def _gains(loss: np.ndarray, high: np.ndarray) -> bool:
    """Whether the loss came down at the high rates by more than the noise explains.

    From where it began or was soon after, so that no net that the rate threw up first counts.
    """
    third = max(2, len(high) // 3)
    before = min(float(loss[0]), float(loss[high[:third]].mean()))
    after = float(loss[high[-third:]].mean())
    error = roughness(loss) * math.sqrt(1 + 1 / third)
    return before - after > max(GAINED * abs(before), BEYOND * error)


def _at_rest(evidence: Evidence) -> Verdict:
    """Of a rate that was 0 throughout, unless the loss fell, so that the log leaves digits out."""
    loss = evidence.loss
    if float(loss[0] - loss[-1]) > MOVED * abs(float(loss[0])):
        return NOT_FOUND
    return Symptom(
        name=NAME,
        title="Stuck at a rate of 0",
        evidence=(
            f"The learning rate was 0 at all {len(loss)} {evidence.unit}s, and {evidence.name} went "
            f"from {number(float(loss[0]))} to {number(float(loss[-1]))}."
        ),
        advice=(
            "A rate of 0 changes no weight. Set one, and look whether a schedule that is over, a "
            "warmup from 0, or a callback sets it to 0 again."
        ),
        code="keras_lr.set_learning_rate(model, 0.001)  # above 0; keras_lr.find(model, x, y) measures one",
        severity="bad",
        numbers={"first": float(loss[0]), "last": float(loss[-1]), "rate": 0.0},
        **evidence.location(0, len(loss) - 1),
        curves=(evidence.name, *evidence.rate_names),
    )
