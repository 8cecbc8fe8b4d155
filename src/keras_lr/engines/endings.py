"""Which trials end after an epoch: asked for trials that run side by side at once.

A report that is asked for one trial after another has to answer for the first before it has seen
the last, so whoever is asked first is judged by fewer rivals. `endings` tells it all of them first.
"""

from collections.abc import Mapping
from typing import Protocol

from keras_lr.engines.trial import Report


class ReportsTogether(Protocol):
    """A report that can also be told of several trials at once."""

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        """See `Report`."""
        ...

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        """Take note of an epoch of several trials, and say which of them end.

        Args:
            epoch: The epoch that they have just trained, from 0.
            logs: The logs of each, by its place.
        """
        ...


def endings(
    report: Report | ReportsTogether, epoch: int, logs: Mapping[int, Mapping[str, float]]
) -> set[int]:
    """Report an epoch of trials that run side by side.

    Args:
        report: What `Engine.run` was given. Without a method `together` it is asked for one trial
            after another.
        epoch: The epoch, from 0.
        logs: The logs of each trial, by its place in the wave.

    Returns:
        The places of those that end.

    >>> endings(lambda trial, epoch, logs: logs["loss"] > 1, 0, {3: {"loss": 2.0}, 4: {"loss": 0.5}})
    {3}
    """
    together = getattr(report, "together", None)
    if together is not None:
        return set(together(epoch, logs))
    return {trial for trial, values in logs.items() if report(trial, epoch, values)}
