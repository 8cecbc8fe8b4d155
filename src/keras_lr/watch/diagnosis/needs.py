"""What a question needs of a run before it can be asked, and how to have it."""

from collections.abc import Callable

from keras_lr.watch.diagnosis.dead_layers import layer_ratios
from keras_lr.watch.diagnosis.evidence import Evidence
from keras_lr.watch.diagnosis.meant_to_fall import not_to_fall
from keras_lr.watch.diagnosis.symptom import Missing

Need = Callable[[Evidence], Missing | None]
"""From the evidence to what is missing; `None` where nothing is."""


def finite(evidence: Evidence) -> Missing | None:
    """Every loss is a number."""
    return None if evidence.finite else Missing("a loss that is a number in every epoch")


def moving(evidence: Evidence) -> Missing | None:
    """The rate, where it is known, is above 0 at some time."""
    if not evidence.at_rest:
        return None
    return Missing("a learning rate above 0; this run's was 0 throughout")


def falling(evidence: Evidence) -> Missing | None:
    """The loss is one that is meant to fall."""
    missing = not_to_fall(evidence)
    return None if missing is None else Missing(missing)


def rated(evidence: Evidence) -> Missing | None:
    """The rate is known."""
    if evidence.rates is not None:
        return None
    return Missing(f"the learning rate at each epoch: {_RECORD}")


_RECORD = (
    "list keras_lr.callbacks.LearningRateMonitor(record='run.jsonl', groups='layer') among the "
    "callbacks, and look at run.jsonl"
)
"""The whole callback, whatever is missing: who follows it is told of no more that is."""
NORMS = Missing(f"the norms of weights and updates, by layer: {_RECORD}")
"""What is told where a norm is missing: the same of all norms, so that it is told once."""


def layers(evidence: Evidence) -> Missing | None:
    """How far two layers or more move is known."""
    return None if len(layer_ratios(evidence)) > 1 else NORMS


def ended(evidence: Evidence) -> Missing | None:
    """The run is over, so that how it stands is how it ends."""
    return None if evidence.run.done else Missing("the end of the run: its record has none yet")


def places(count: int) -> Need:
    """The loss is known at so many places.

    Args:
        count: Epochs; or updates, where the loss is judged at those.
    """

    def enough(evidence: Evidence) -> Missing | None:
        there = len(evidence.at)
        what = "epochs" if evidence.unit == "epoch" else "losses at updates"
        if there >= count:
            return None
        return Missing(f"{count} {what}; this run has {there}", count, evidence.unit)

    return enough


def validated(count: int) -> Need:
    """There is a validation loss, of so many epochs.

    Args:
        count: Epochs that have one, whatever it is.
    """

    def enough(evidence: Evidence) -> Missing | None:
        name = evidence.validation
        there = len(evidence.run.logged(name))
        if not there:
            return Missing(f"{name}: fit(..., validation_data=(x, y))")
        if there < count:
            return Missing(f"{name} of {count} epochs; this run has {there}", count)
        return None if evidence.unit == "epoch" else Missing(f"{evidence.name} at each epoch")

    return enough
