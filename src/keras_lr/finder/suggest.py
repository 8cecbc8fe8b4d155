"""Rates that a range test's curve suggests: pure functions of (rates, losses).

`minimum`, `steep`, `valley` and `slide` follow the published descriptions of fastai's suggestion
functions of the same names (Howard and Gugger 2020; `valley` by ESRI, `slide` by Novetta), so that
a reader of its curves finds the same numbers. keras-lr itself suggests a fixed fraction of the
minimum (`below_minimum`): the regrets measured for each are in `docs/finding.md`.

Rates are ascending, losses are smoothed, and neither holds anything non-finite; `finite` cuts a
curve to that.
"""

from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from keras_lr.errors import InvalidInput


def finite(rates: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a curve before its first non-finite loss."""
    rates, losses = np.asarray(rates, float), np.asarray(losses, float)
    bad = np.flatnonzero(~np.isfinite(losses))
    end = int(bad[0]) if bad.size else len(losses)
    return rates[:end], losses[:end]


def smooth(losses: np.ndarray, beta: float = 0.98) -> np.ndarray:
    """The exponential moving average of `losses`, corrected for its start at zero.

    Args:
        losses: Shape `(n,)`: the loss of each batch.
        beta: The weight of the past; 0 leaves the losses as they are.

    >>> [float(value) for value in smooth(np.array([1.0, 3.0]), beta=0.5).round(3)]
    [1.0, 2.333]
    """
    averages, average = np.empty(len(losses)), 0.0
    for index, loss in enumerate(losses):
        average = beta * average + (1 - beta) * float(loss)
        averages[index] = average / (1 - beta ** (index + 1))
    return averages


def below_minimum(rates: np.ndarray, losses: np.ndarray, divisor: float) -> float:
    """The rate of the lowest loss, divided: 10 for a constant rate, 4 for one that decays."""
    return float(rates[int(np.argmin(losses))]) / divisor


def minimum(rates: np.ndarray, losses: np.ndarray) -> float:
    """A tenth of the rate where the loss is lowest."""
    return below_minimum(rates, losses, 10.0)


def steep(rates: np.ndarray, losses: np.ndarray) -> float:
    """The rate where the loss falls fastest per unit of log rate."""
    _check(rates, losses, 2)
    slopes = np.diff(losses) / np.diff(np.log(rates))
    return float(rates[int(np.argmin(slopes))])


def valley(rates: np.ndarray, losses: np.ndarray) -> float:
    """Halfway into the longest valley: the longest falling subsequence of the losses.

    With the first end of a longest one at index e, and its length n taken as the valley's extent,
    this is a third and a sixth of n (each rounded down) above e − n.
    """
    _check(rates, losses, 2)
    lengths = _falling(losses)
    end = int(np.argmax(lengths))
    extent = int(lengths[end])
    start = end - extent
    index = start + int(extent / 3) + int(extent / 6)
    return float(rates[max(index, 0)])


def _falling(losses: np.ndarray) -> np.ndarray:
    """For each index the length of the longest strictly falling subsequence that ends there."""
    lengths = np.empty(len(losses), int)
    tails: list[float] = []  # tails[k]: minus the highest end of a falling run of k + 1 losses
    for index, loss in enumerate(losses):
        place = bisect_left(tails, -float(loss))
        tails[place : place + 1] = [-float(loss)]
        lengths[index] = place + 1
    return lengths


def slide(
    rates: np.ndarray, losses: np.ndarray, *, interval: int = 15, threshold: float = 0.005
) -> float:
    """Slide an interval down from the highest rate while its ends differ in slope.

    Args:
        rates: Shape `(n,)`.
        losses: Shape `(n,)`.
        interval: Points between the interval's ends.
        threshold: Least difference of the two slopes (loss a point) to go on sliding.

    Returns:
        The rate at the interval's lower end where it stops.
    """
    _check(rates, losses, interval + 1)
    slopes = np.gradient(losses)
    right = len(losses) - 1
    found = float(rates[right - interval])
    while right >= interval and abs(slopes[right] - slopes[right - interval]) > threshold:
        found = float(rates[right - interval])
        right -= 1
    return found


SUGGESTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "minimum": minimum,
    "steep": steep,
    "valley": valley,
    "slide": slide,
}
"""The suggestions that a range test reports beside its own, by name."""


def suggestions(rates: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Every suggestion that the curve is long enough for."""
    rates, losses = finite(rates, losses)
    found = {}
    for name, function in SUGGESTIONS.items():
        try:
            found[name] = function(rates, losses)
        except (InvalidInput, ValueError):
            continue
    return found


def _check(rates: np.ndarray, losses: np.ndarray, least: int) -> None:
    if len(rates) != len(losses) or len(rates) < least:
        raise InvalidInput(
            f"A suggestion needs at least {least} rates and as many losses. "
            f"Received: {len(rates)} rates and {len(losses)} losses."
        )
