"""One training run as data: its curves, and what happened to its rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras_lr.errors import InvalidInput


@dataclass(frozen=True)
class Run:
    """The curves of a `fit` and the events of its rate.

    Args:
        history: Metric name to one value an epoch (`History.history`).
        events: What changed the rate, in order (`LearningRate.record.events`); may be empty.
        name: What the reader calls the run.
        schedule: The schedule's text, or `None`.

    >>> Run({"loss": [1.0, 0.5]}).epochs
    2
    """

    history: Mapping[str, Sequence[float]]
    events: Sequence[Any] = field(default_factory=tuple)
    name: str = "Training"
    schedule: str | None = None

    @classmethod
    def of(cls, history: Any, record: Any = None, *, name: str = "Training") -> "Run":
        """A run from what `fit` returned, and the `record` of its `LearningRate` callback.

        Args:
            history: A Keras `History`, a mapping of metric names to values, or a `Run`.
            record: `LearningRate.record`, or `None`.
            name: What the reader calls the run.
        """
        if isinstance(history, Run):
            return history
        curves = history if isinstance(history, Mapping) else getattr(history, "history", None)
        if not isinstance(curves, Mapping) or not curves:
            raise InvalidInput(
                "A run is drawn from what fit returned: history = model.fit(...). "
                f"Received: {history!r} without any metric."
            )
        numbers = {str(k): [float(v) for v in values] for k, values in curves.items()}
        events = tuple(getattr(record, "events", ()))
        return cls(numbers, events, name, getattr(record, "schedule", None))

    @property
    def epochs(self) -> int:
        """Epochs that were trained."""
        return max((len(values) for values in self.history.values()), default=0)
