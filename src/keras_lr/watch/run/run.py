"""One training run as data: its curves, and what happened to its rate."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from keras_lr.errors import InvalidInput
from keras_lr.escaped import escaped
from keras_lr.state import curve_names
from keras_lr.state.rows import Rows, columns

MANY = 6
"""Curves that a run's short text names."""

MOST = 1_000_000
"""Epochs of a run, at most: of what is more, one of the numbers is wrong."""


@dataclass(frozen=True)
class Curve:
    """Values at some updates of a run.

    Args:
        steps: Updates done (after the first, 1), rising.
        values: One value each.
    """

    steps: Sequence[int]
    values: Sequence[float]


@dataclass(frozen=True)
class Run:
    """The curves of a `fit` and the events of its rate.

    Every watcher begins with `Run.of(...)`, which takes whatever a training left behind.

    Args:
        history: Metric name to one value an epoch (`History.history`). NaN also stands where an
            epoch has no value of it, as without validation: `logged` leaves those out.
        events: What changed the rate, in order (`LearningRate.record.events`); may be empty.
        name: What the reader calls the run.
        schedule: The schedule's text, or `None`.
        steps: Name to its values at updates, where they were recorded; may be empty.
        epochs_planned: Epochs that the run was to have; `None` where nobody knows.
        steps_per_epoch: Updates in an epoch; `None` where nobody knows.
        settings: What is known of the optimizer and the data: `optimizer`, `batch_size`,
            `weight_decay` and others; may be empty.
        done: Whether the run is over; `False` for one that goes on, or was killed.
        first_epoch: The number of the epoch of the first values (the first is 0).
        absent: Of a metric the places in `history` that hold NaN because no value was logged.

    >>> Run({"loss": [1.0, 0.5]}).epochs
    2
    """

    history: Mapping[str, Sequence[float]]
    events: Sequence[Any] = field(default_factory=tuple)
    name: str = "Training"
    schedule: str | None = None
    steps: Mapping[str, Curve] = field(default_factory=dict)
    epochs_planned: int | None = None
    steps_per_epoch: float | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    done: bool = True
    first_epoch: int = 0
    absent: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, history: Any, record: Any = None, *, name: str | None = None) -> "Run":
        """A run from whatever a training left behind.

        Args:
            history: A Keras `History`, a mapping of metric names to values, a `Run`, or a path as
                `Run.read` takes it.
            record: `LearningRate.record`, or `None`.
            name: What the reader calls the run; by default "Training", or what a file is called.

        Raises:
            InvalidInput: There is no metric in it, or the file can't be read.

        >>> Run.of({"loss": [1.0, None, 0.5]}).logged("loss")
        [(0, 1.0), (2, 0.5)]
        """
        from keras_lr.watch.run import sources

        if isinstance(history, Run):
            return sources.with_record(history, record, name=name)

        if isinstance(history, str | os.PathLike):
            return sources.from_path(history, name=name)
        curves = history if isinstance(history, Mapping) else getattr(history, "history", None)
        if not isinstance(curves, Mapping) or not curves:
            raise InvalidInput(
                "A run is what fit returned (history = model.fit(...)), a dictionary of lists, or "
                "the path of a run record (.jsonl), a history (.json), a CSV log, or a TensorBoard "
                f"log. Received: {history!r} without any metric."
            )
        return sources.from_history(history, curves, record, name=name or "Training")

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str | None = None,
        rows: Literal["epoch", "step"] | None = None,
    ) -> "Run":
        """A run from a file.

        Args:
            path: A run record (`.jsonl`, as `LearningRateMonitor(record=...)` writes it; of several
                runs the last), a saved history (`.json`), the file of a `CSVLogger`, or a
                TensorBoard folder or event file.
            name: What the reader calls the run; by default the file's name.
            rows: `"epoch"` or `"step"`: what a row of a CSV file, or a step of TensorBoard's, is
                where they don't say it.

        Raises:
            InvalidInput: It can't be read, or has nothing in it.
            MissingExtra: It is a TensorBoard log, and the `tensorboard` package isn't installed.
        """
        from keras_lr.watch.run import sources

        return sources.from_path(path, name=name, rows=rows)

    @classmethod
    def from_rows(
        cls,
        epochs: Rows,
        steps: Mapping[str, Sequence[tuple[int, float]]] | None = None,
        **known: Any,
    ) -> "Run":
        """A run from the values of its epochs, and from curves between them.

        Args:
            epochs: The values of each epoch, by its number (the first is 0); an epoch may lack
                some, or be missing.
            steps: Of each curve the updates done, rising, and the value there.
            known: The other fields of a `Run`: `events`, `name`, and so on.

        Raises:
            InvalidInput: From the first epoch to the last there are more than any run has.

        >>> run = Run.from_rows({4: {"loss": 2.0}, 6: {"loss": 1.0}})
        >>> run.logged("loss"), run.first_epoch
        ([(4, 2.0), (6, 1.0)], 4)
        """
        first, last = min(epochs, default=0), max(epochs, default=-1)
        if last - first >= MOST:
            raise InvalidInput(
                f"{known.get('name', 'The run')} tells of epochs from {first} to {last}, which is "
                "no run's. If its rows are updates, call the column step. "
                f"Received: {last - first + 1} epochs, of which {MOST} at most are read."
            )
        curves = {
            name: Curve([at for at, _ in points], [value for _, value in points])
            for name, points in (steps or {}).items()
            if points
        }
        history = gaps(columns(epochs, range(first, last + 1)))
        return cls(**history, steps=curves, first_epoch=first, **known)

    def __repr__(self) -> str:
        """Its name, length and curves, in one line."""
        names = self.names
        shown = escaped(", ".join(names[:MANY])) + (
            f" and {len(names) - MANY} more" * (len(names) > MANY)
        )
        count = len(self.changes)
        changes = f"; {count} change{'s' * (count != 1)} of the rate" if count else ""
        return f"Run({self.name!r}, {self.epochs} epochs: {shown}{changes})"

    def __str__(self) -> str:
        """How far it came, in a sentence."""
        from keras_lr.watch.answers import run_answer

        return escaped(f"{self.name}: {run_answer(self)}")

    def _repr_html_(self) -> str:
        from keras_lr.watch.notebook import as_html

        return as_html(self)

    def plot(self) -> Any:
        """A plotly figure: loss and rate, each cut and its cause marked."""
        from keras_lr.watch.figures import history_figure

        return history_figure(self)

    @property
    def epochs(self) -> int:
        """Epochs that were trained, and are in `history`."""
        return max((len(values) for values in self.history.values()), default=0)

    @property
    def names(self) -> list[str]:
        """Everything that it has a curve of."""
        return list(dict.fromkeys([*self.history, *self.steps]))

    @property
    def changes(self) -> tuple[Any, ...]:
        """The events after which the rate was another; a rollback that kept it is none."""
        return tuple(event for event in self.events if event.changed)

    @property
    def rates(self) -> list[str]:
        """Its name of the rate, or those of a `MultiOptimizer`'s members and of groups of layers.

        >>> run = Run({"Loss/train": [1.0], "lr": [0.1]})
        >>> run.rates, run.loss, run.validation_loss
        (['lr'], 'Loss/train', None)
        """
        return curve_names.rates_of(self.names)

    @property
    def loss(self) -> str | None:
        """Its name of the training loss; `None` where it logged none."""
        return curve_names.loss_of(self.names)

    @property
    def validation_loss(self) -> str | None:
        """Its name of the loss on the validation data; `None` where it logged none."""
        return curve_names.validation_loss_of(self.names)

    @property
    def losses(self) -> list[str]:
        """Its names of every loss, those of outputs and of the validation too."""
        return curve_names.losses_of(self.names)

    def logged(self, name: str) -> list[tuple[int, float]]:
        """The number of each epoch that has a value of `name`, and that value."""
        absent = self.absent.get(name, frozenset())
        return [
            (self.first_epoch + index, value)
            for index, value in enumerate(self.history.get(name, ()))
            if index not in absent
        ]


def gaps(found: Mapping[str, Sequence[float | None]]) -> dict[str, Any]:
    """The `history` and `absent` of columns in which `None` is no value."""
    return {
        "history": {
            name: [math.nan if value is None else value for value in values]
            for name, values in found.items()
        },
        "absent": {
            name: frozenset(index for index, value in enumerate(values) if value is None)
            for name, values in found.items()
            if None in values
        },
    }
