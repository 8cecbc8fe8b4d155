"""Every symptom that is looked for, in the order in which a reader should hear of them."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_lr.watch.diagnosis import (
    decayed,
    diverged,
    ended_early,
    oscillating,
    overfitting,
    overran,
    plateau,
    rate_too_high,
    rate_too_low,
    stuck,
    validation,
    weight_decay,
)
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.symptom import Verdict


@dataclass(frozen=True)
class Question:
    """One symptom to look for.

    Args:
        name: Of the symptom.
        asks: What is looked for, in words, for the reader who wants to know what was judged.
        judge: From the evidence to a symptom, to "not there", or to what it would take to judge.
        moot: Symptoms in whose presence this one can't be told, or says the same again.
        finite: Whether every loss has to be a number.
        falling: Whether it can only be asked of a loss that is meant to fall.
        moving: Whether it asks about a rate that is above 0.
    """

    name: str
    asks: str
    judge: Callable[[Evidence], Verdict]
    moot: tuple[str, ...] = ()
    finite: bool = True
    falling: bool = False
    moving: bool = True


QUESTIONS: tuple[Question, ...] = (
    Question(diverged.NAME, "the loss exploded", diverged.diverged, finite=False, moving=False),
    Question(
        validation.NAME,
        "the validation loss exploded alone",
        validation.validation_exploded,
        (diverged.NAME,),
        moving=False,
    ),
    Question(
        overfitting.NAME,
        "the validation loss rises alone",
        overfitting.overfitting,
        (diverged.NAME, validation.NAME),
        moving=False,
    ),
    Question(
        decayed.NAME,
        "the rate decayed to nothing while the loss still fell",
        decayed.decayed,
        (diverged.NAME,),
    ),
    Question(
        weight_decay.NAME,
        "weight decay outweighs the gradients",
        weight_decay.weight_decay,
        (diverged.NAME,),
    ),
    Question(
        rate_too_low.NAME,
        "the loss still falls in a line at the end",
        rate_too_low.rate_too_low,
        (diverged.NAME, overfitting.NAME, decayed.NAME, weight_decay.NAME),
    ),
    Question(
        stuck.NAME,
        "the loss never moved",
        stuck.stuck,
        (diverged.NAME, rate_too_low.NAME, decayed.NAME, weight_decay.NAME),
        falling=True,
        moving=False,
    ),
    Question(
        rate_too_high.NAME,
        "nothing was gained until the rate came down",
        rate_too_high.rate_too_high,
        (diverged.NAME, rate_too_low.NAME, decayed.NAME, stuck.NAME),
        falling=True,
    ),
    Question(
        oscillating.NAME,
        "the loss swings about a level",
        oscillating.oscillating,
        (diverged.NAME, stuck.NAME),
        falling=True,
    ),
    Question(
        plateau.NAME,
        "the loss lay flat at an uncut rate",
        plateau.unused_plateau,
        (diverged.NAME, stuck.NAME, oscillating.NAME, weight_decay.NAME),
        falling=True,
    ),
    Question(
        ended_early.NAME,
        "the run ended before its schedule",
        ended_early.ended_early,
        (diverged.NAME,),
        finite=False,
    ),
    Question(
        overran.NAME,
        "the schedule ended before the run",
        overran.overran,
        (diverged.NAME, decayed.NAME),
        finite=False,
    ),
)
"""A symptom that makes another one moot comes before it."""
