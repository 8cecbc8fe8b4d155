"""Broken: the first updates were so large that the net has guessed ever since."""

import math

import numpy as np

from keras_lr.state import curve_names
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.trend import line_through

WORSE = 1.2
"""How many times what followed it the first loss is, of a net that the first updates broke. A rate
too low leaves it where it was; what a net has of its first weights, and loses as it learns how often
each class comes, is less."""
ROSE = 1.01
"""Or how many times the first loss what followed it is, which no rate too low does, of a net that is
sure of wrong answers, as a softmax is whose weights are too large"""
ABSURD = 2.0
"""and whose loss is so many times that of a guess."""
CHANCE = (0.005, 0.6)
"""Accuracies between which a net may be guessing: one class of 200, to one of two. One that was
trained before is above; an accuracy that means nothing, as of a regression, is about 0."""
BETTER = 0.05
"""How far above its first value an accuracy is at the end, at least, of a net that learns."""
SURE = 4.0
"""Standard errors that it rises by after the first place, at least, of one that learns."""
FELL = 0.2
"""The share that the loss falls by after the first place, at least, of one that learns; unless it
only comes back to chance, as the rate decays."""
NEAR = 0.1
"""How far from log(classes), the cross-entropy of even odds, a loss is that has come back to it."""


def guesses(evidence: Evidence) -> float | None:
    """The accuracy of a net that guesses from the first place to the last; `None` for any other."""
    accuracy = accuracy_of(evidence)
    if accuracy is None:
        return None
    guess = float(np.median(accuracy[-third_of(accuracy) :]))
    rises = line_through(range(1, len(accuracy)), -accuracy[1:]).falls > SURE
    if rises or guess - accuracy[0] > BETTER or not CHANCE[0] <= guess <= CHANCE[1]:
        return None
    return guess


def is_broken(loss: np.ndarray, guess: float) -> bool:
    """Whether the first updates broke a net that guesses: the first loss is worse than all that
    follow, or these are, and far worse than a guess.

    That the accuracy stays at chance has to be known. The loss alone doesn't tell: that of a
    regression whose targets are large falls as far in its first epoch, and then lies about the noise.

    Args:
        loss: Of the training.
        guess: The accuracy.
    """
    third = third_of(loss)
    early, late = float(np.median(loss[1 : 1 + third])), float(np.median(loss[-third:]))
    came_to_chance = abs(float(loss[-1]) / _even(guess) - 1) < NEAR
    if late < (1 - FELL) * early and not came_to_chance:
        return False
    level = float(np.median(loss[1:]))
    if level < (1 - NEAR) * _even(guess):  # no guess is as good; such an accuracy is a regression's
        return False
    return float(loss[0]) > WORSE * level or threw_up(loss, guess)


def threw_up(loss: np.ndarray, guess: float) -> bool:
    """Whether a net that guesses is sure of wrong answers, and more so after its first place.

    Three places are enough to see that.

    Args:
        loss: Of the training.
        guess: The accuracy.

    >>> threw_up(np.array([14.4, 14.7, 14.7]), 0.1), threw_up(np.array([2.3, 2.4, 2.4]), 0.1)
    (True, False)
    """
    level = float(np.median(loss[1:]))
    return level > ROSE * float(loss[0]) and level > ABSURD * _even(guess)


def _even(guess: float) -> float:
    """The cross-entropy of even odds, of as many classes as an accuracy says."""
    return math.log(round(1 / guess))


def third_of(values: np.ndarray) -> int:
    """How many places a third is, the first aside; at least two."""
    return max(2, (len(values) - 1) // 3)


def accuracy_of(evidence: Evidence) -> np.ndarray | None:
    """The training accuracy at each place, as a share; `None` where it isn't there throughout."""
    name = curve_names.accuracy_of(evidence.run.history)
    found = None if name is None else evidence.curve(name)
    if found is None or not np.isfinite(found).all():
        return None
    return found / 100 if found.max() > 1.5 else found
