"""The callbacks of a running fit that control its rate, and what they have written down."""

from typing import Any

from keras_lr.callbacks.record import RunRecord
from keras_lr.rate.running import callbacks_of


def controllers(model: Any) -> list[Any]:
    """The `LearningRate` callbacks, and the faces of it, in the running fit of `model`."""
    return [
        each for each in callbacks_of(model) if isinstance(getattr(each, "record", None), RunRecord)
    ]


def records(model: Any) -> list[RunRecord]:
    """Their records."""
    return [each.record for each in controllers(model)]


def schedule_text(model: Any) -> str | None:
    """The schedule of the fit, as it is written."""
    return next((each.schedule for each in records(model) if each.schedule), None)
