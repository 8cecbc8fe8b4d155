"""Every symptom that is looked for, in the order in which a reader should hear of them."""

from collections.abc import Callable
from dataclasses import dataclass

from keras_lr.watch.diagnosis import (
    dead_layers,
    decayed,
    diverged,
    divergence,
    ended_early,
    idle,
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
from keras_lr.watch.diagnosis.needs import (
    Need,
    ended,
    falling,
    finite,
    layers,
    moving,
    places,
    rated,
    validated,
)
from keras_lr.watch.diagnosis.symptom import Verdict


@dataclass(frozen=True)
class Question:
    """One symptom to look for.

    Args:
        name: Of the symptom.
        asks: What is looked for, in words, for the reader who wants to know what was judged.
        judge: From the evidence to found, not found, or what else it would take to judge.
        needs: What it takes to ask; the first that is missing is told.
        moot: Symptoms in whose presence this one can't be told, or says the same again.
        by_epochs: Whether it is judged at epochs in any case: a validation has no other places, and
            the losses of batches swing at any rate.
    """

    name: str
    asks: str
    judge: Callable[[Evidence], Verdict]
    needs: tuple[Need, ...] = ()
    moot: tuple[str, ...] = ()
    by_epochs: bool = False


QUESTIONS: tuple[Question, ...] = (
    Question(divergence.NAME, "the loss exploded", diverged.diverged),
    Question(
        validation.NAME,
        "the validation loss exploded alone",
        validation.validation_exploded,
        (finite, validated(validation.LEAST)),
        (divergence.NAME,),
        by_epochs=True,
    ),
    Question(
        overfitting.NAME,
        "the validation loss rises alone",
        overfitting.overfitting,
        (finite, validated(overfitting.LEAST)),
        (divergence.NAME, validation.NAME),
        by_epochs=True,
    ),
    Question(
        decayed.NAME,
        "the rate decayed to nothing while the loss still fell",
        decayed.decayed,
        (finite, moving, rated, ended, places(decayed.LEAST)),
        (divergence.NAME,),
    ),
    Question(
        weight_decay.NAME,
        "weight decay outweighs the gradients",
        weight_decay.weight_decay,
        (finite, moving, places(weight_decay.LEAST)),
        (divergence.NAME,),
    ),
    Question(
        dead_layers.NAME,
        "a layer stopped learning while others went on",
        dead_layers.dead_layers,
        (finite, moving, rated, layers),
        (divergence.NAME,),
    ),
    Question(
        rate_too_low.NAME,
        "the loss still falls in a line at the end",
        rate_too_low.rate_too_low,
        (finite, moving, ended),
        (divergence.NAME, overfitting.NAME, decayed.NAME, weight_decay.NAME),
    ),
    Question(
        stuck.NAME,
        "the loss never moved, or the first updates broke the net",
        stuck.stuck,
        (finite, falling),
        (divergence.NAME, rate_too_low.NAME, decayed.NAME, weight_decay.NAME),
    ),
    Question(
        rate_too_high.NAME,
        "nothing was gained until the rate came down",
        rate_too_high.rate_too_high,
        (finite, moving, falling, rated, places(rate_too_high.LEAST + 1)),
        (divergence.NAME, rate_too_low.NAME, decayed.NAME, stuck.NAME),
    ),
    Question(
        oscillating.NAME,
        "the loss swings about a level",
        oscillating.oscillating,
        (finite, moving, falling, places(2 * oscillating.LEAST)),
        (divergence.NAME, stuck.NAME),
        by_epochs=True,
    ),
    Question(
        plateau.NAME,
        "the loss lay flat and nothing cut the rate",
        plateau.unused_plateau,
        (finite, moving, falling, rated, ended, places(plateau.LEAST)),
        (divergence.NAME, rate_too_low.NAME, stuck.NAME, oscillating.NAME, weight_decay.NAME),
    ),
    Question(
        ended_early.NAME,
        "the run ended before its schedule",
        ended_early.ended_early,
        (moving, rated, ended),
        (divergence.NAME,),
    ),
    Question(
        overran.NAME,
        "the schedule ended before the run",
        overran.overran,
        (moving, rated, ended, places(overran.LEAST)),
        (divergence.NAME, decayed.NAME, stuck.NAME),
    ),
    Question(
        idle.NAME,
        "the last epochs changed nothing, at a rate of next to nothing",
        idle.idle,
        (finite, moving, falling, rated, ended, places(idle.LEAST)),
        (divergence.NAME, decayed.NAME, stuck.NAME, overran.NAME),
    ),
)
"""A symptom that makes another one moot comes before it."""

ASKED = {question.name: question.asks for question in QUESTIONS}
"""What each symptom looks for, in words, by its name."""
