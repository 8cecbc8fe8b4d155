"""Losses that aren't meant to fall, of which a fall or a rise says nothing."""

import numpy as np

from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.style import number

NEAR = 0.1
"""The share of its lowest value that a loss below 0 has come up to, of one that lies about 0."""
TAIL = 0.1
"""The share of the run whose median is its end; at least two places."""
ROSE = 0.1
"""The share of its highest value that a loss has risen by, of one that went up."""
SLOWLY = 0.35
"""The share of the run that the middle half of a rise takes, of one that is no explosion. An
exponential rise by three e-folds over the whole run takes .3; a line takes .5."""


def not_to_fall(evidence: Evidence) -> str | None:
    """What is missing to judge a loss that isn't meant to fall; `None` for one that may be.

    The losses of a policy (in reinforcement learning) and of a Wasserstein GAN lie about 0, so that
    no share of their level says anything. That of a GAN's generator rises as its critic learns.
    """
    loss = evidence.loss[np.isfinite(evidence.loss)]
    if not len(loss):
        return None
    low, high = float(loss.min()), float(loss.max())
    if (low < 0 and high > NEAR * low) or (loss[0] == 0 and high > 0):
        return (
            "a loss that stays away from 0, or above it, so that shares of it say something; this "
            f"one lies between {number(low)} and {number(high)}"
        )
    if evidence.finite and end_of(loss) > loss[0] and rises_slowly(loss):
        return (
            f"a loss that is meant to fall; this one rises little by little, from "
            f"{number(float(loss[0]))} to {number(end_of(loss))}, as that of a GAN's generator may"
        )
    return None


def tail(loss: np.ndarray) -> int:
    """How many places the end has."""
    return max(2, round(TAIL * len(loss)))


def end_of(loss: np.ndarray) -> float:
    """The median of the end."""
    return float(np.median(loss[-tail(loss) :]))


def rises_slowly(loss: np.ndarray) -> bool:
    """Whether a loss goes up from its lowest, and takes a good part of the run for it.

    >>> rises_slowly(np.linspace(0.7, 2.0, 40)), rises_slowly(np.array([1.0] * 20 + [2.0] * 20))
    (True, False)
    """
    best = int(np.argmin(loss))
    rose = end_of(loss) - float(loss[best])
    if rose <= ROSE * float(np.abs(loss).max()):
        return False
    quarter, most = (int(np.argmax(loss[best:] > loss[best] + s * rose)) for s in (0.25, 0.75))
    return most - quarter > SLOWLY * len(loss)
