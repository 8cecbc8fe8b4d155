"""What counts as an improvement of a metric: its direction, its noise, its threshold."""

import re
from typing import Literal

from keras_lr.errors import InvalidInput

_FALLS = re.compile(
    r"loss|error|mse|mae|mape|msle|entropy|perplexity|diverg|deviance|hinge|poisson|logcosh|false_"
)
_RISES = re.compile(
    r"acc|auc|precision|recall|f1|f_score|fscore|iou|io_u|dice|r2|top_?k|bleu"
    r"|similarity|sensitiv|specific|correlation|true_"
)


def infer_mode(monitor: str, owner: str = "Plateau") -> Literal["min", "max"]:
    """Which way a metric improves, by its name; an error where the name doesn't tell.

    >>> infer_mode("val_accuracy"), infer_mode("val_a_loss")
    ('max', 'min')
    """
    name = monitor.lower()
    if _FALLS.search(name):
        return "min"
    if _RISES.search(name):
        return "max"
    raise InvalidInput(
        f"The name {monitor!r} doesn't tell whether less or more is better. "
        f'Write {owner}({monitor!r}, mode="min") or mode="max".'
    )


def smoothed(mean: float, value: float, smoothing: float, seen: int) -> float:
    """An exponential moving average, corrected for its start: the first mean is the first value.

    With ``w = (1 - s) / (1 - s**n)`` the mean of n values is ``mean * (1 - w) + value * w``, which
    equals the average that starts from 0, divided by ``1 - s**n`` (Kingma and Ba 2015, Adam).

    Args:
        mean: The mean of the values before; any number before the first.
        value: The value.
        smoothing: s, the weight of the past, in [0, 1); 0 smooths nothing.
        seen: n, values so far with this one, at least 1.

    >>> smoothed(0.0, 4.0, 0.5, 1), smoothed(4.0, 1.0, 0.5, 2)
    (4.0, 2.0)
    """
    weight = (1.0 - smoothing) / (1.0 - smoothing**seen)
    return mean * (1.0 - weight) + value * weight


def improves(
    value: float,
    best: float,
    *,
    direction: Literal["min", "max"],
    min_delta: float,
    relative: bool,
) -> bool:
    """Whether `value` is better than `best` by more than the threshold.

    A relative threshold is a share of the best value's size, so that neither the scale of a loss
    nor its sign matters.

    >>> improves(0.9995, 1.0, direction="min", min_delta=1e-3, relative=True)
    False
    """
    margin = min_delta * (abs(best) if relative else 1.0)
    return value < best - margin if direction == "min" else value > best + margin


def improves_in_torch(
    value: float,
    best: float,
    *,
    direction: Literal["min", "max"],
    min_delta: float,
    relative: bool,
) -> bool:
    """The same as torch's `ReduceLROnPlateau` counts it.

    Its relative threshold is a factor of the best value, ``best * (1 - min_delta)``, which for a
    negative metric lies on the other side of it.
    """
    if not relative:
        return value < best - min_delta if direction == "min" else value > best + min_delta
    if direction == "min":
        return value < best * (1.0 - min_delta)
    return value > best * (min_delta + 1.0)
