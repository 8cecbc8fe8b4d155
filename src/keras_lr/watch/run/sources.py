"""Where runs come from: what `fit` returned, and the files that trainings leave behind."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rules.logs import RECORDS, Log, Table, Unit, read_log
from keras_lr.state.rows import curves
from keras_lr.state.run_lines import RecordedRun, read_runs
from keras_lr.watch.run.run import MOST, Run, gaps

NO_LOGS = {
    ".keras": "a model",
    ".h5": "a model",
    ".py": "a program",
    ".ipynb": "a notebook",
    ".html": "a page",
    ".npz": "an archive of arrays",
    ".npy": "an array",
    ".pkl": "a pickle",
    ".toml": "a configuration",
    ".db": "a database",
}
"""Files that lie beside a log, by how their names end, and what they are."""


def from_history(history: Any, curves: Mapping[str, Any], record: Any, *, name: str) -> Run:
    """A run from a Keras `History` or a mapping, and the `record` of its callback."""
    columns = {str(key): numbers for key, values in curves.items() if (numbers := _floats(values))}
    if not columns:
        raise InvalidInput(
            "A run needs a metric with a number for each epoch, such as "
            f'{{"loss": [0.9, 0.5]}}. Received: {dict(curves)!r}.'
        )
    params = getattr(history, "params", None) or {}
    epochs = getattr(history, "epoch", None) or [0]
    planned = getattr(record, "epochs", None) or params.get("epochs")
    steps = getattr(record, "steps_per_epoch", None)
    if not steps and (batches := params.get("steps")):
        steps = batches / _accumulated(history)
    return Run(
        **gaps(columns),
        events=tuple(getattr(record, "events", ())),
        name=name,
        schedule=getattr(record, "schedule", None),
        epochs_planned=planned or None,
        steps_per_epoch=steps or None,
        settings=_settings(history),
        first_epoch=int(epochs[0]),
    )


def with_record(run: Run, record: Any, *, name: str | None) -> Run:
    """A run with what the `record` of its callback knows besides, and under another name perhaps."""
    called = run if name is None else replace(run, name=name)
    if record is None:
        return called
    return replace(
        called,
        events=tuple(record.events) or run.events,
        schedule=record.schedule or run.schedule,
        epochs_planned=record.epochs or run.epochs_planned,
        steps_per_epoch=record.steps_per_epoch or run.steps_per_epoch,
    )


def _accumulated(history: Any) -> int:
    """Batches of an update."""
    optimizer = getattr(getattr(history, "model", None), "optimizer", None)
    if optimizer is None:
        return 1
    from keras_lr.rate.leaves import batches_per_update, leaves

    return batches_per_update(leaves(optimizer)[0])


def _settings(history: Any) -> dict[str, Any]:
    """What the model of a Keras `History` was trained with; nothing of anything else."""
    optimizer = getattr(getattr(history, "model", None), "optimizer", None)
    if optimizer is None:
        return {}
    from keras_lr.callbacks.monitoring.settings import told_settings

    return told_settings(optimizer)


def from_path(
    path: str | os.PathLike[str], *, name: str | None = None, rows: Unit | None = None
) -> Run:
    """A run from a file or folder; see `Run.read`."""
    place = Path(path)
    if not place.exists():
        raise InvalidInput(
            f"There is no file or folder {str(path)!r}. A run is read from a run record (.jsonl), "
            "a history (.json), a CSV log, or a TensorBoard log."
        )
    called = name or place.name
    ending = place.suffix.lower()
    if ending in NO_LOGS and place.is_file():
        raise InvalidInput(
            f"{place.name} is {NO_LOGS[ending]}. A run is read from what its training logged: a run "
            "record (.jsonl), a history (.json), a CSV log, or a TensorBoard log. Have one written: "
            "model.fit(..., callbacks=[keras.callbacks.CSVLogger('training.csv')])."
        )
    if place.is_file() and "tfevents" not in place.name:
        if ending in RECORDS:
            return _recorded(read_runs(place)[-1], name, place)
        if ending == ".json":
            return _saved(place, called)
    return _logged(read_log(place, rows), called)


def _recorded(run: RecordedRun, name: str | None, place: Path) -> Run:
    if not run.epochs and not run.steps:
        raise InvalidInput(
            f"{place.name} has no values yet: it is written at each epoch's end, and at each "
            "interval of LearningRateMonitor(every=...)."
        )
    head = run.head
    return Run.from_rows(
        run.epochs,
        curves(run.steps),
        events=tuple(run.events),
        name=name or head.get("name") or place.name,
        schedule=head.get("schedule"),
        epochs_planned=head.get("epochs"),
        steps_per_epoch=head.get("steps_per_epoch") or None,
        settings=head.get("settings") or {},
        done=run.end is not None,
    )


def _saved(place: Path, name: str) -> Run:
    """A history that somebody saved: the dictionary itself, or below "history"."""
    try:
        saved = json.loads(place.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{place.name} can't be read as JSON: {error}.") from error
    curves = saved.get("history", saved) if isinstance(saved, dict) else saved
    if not isinstance(curves, dict) or not any(_floats(values) for values in curves.values()):
        raise InvalidInput(
            f"{place.name} holds no history. Save one with "
            "json.dump(history.history, file). "
            f"Received: {str(saved)[:60]}."
        )
    return from_history(None, curves, None, name=name)


def _logged(log: Log, name: str) -> Run:
    """A log of rows: epochs that were trained again after a crash count as they were at last."""
    epochs = {} if log.epochs is None else _rows(log.epochs)
    steps = {} if log.steps is None else curves(_rows(log.steps))
    if not any(epochs.values()) and not steps:
        raise InvalidInput(f"There is no metric in {log.source}.")
    return Run.from_rows(epochs, steps, name=name)


def _rows(table: Table) -> dict[int, dict[str, float]]:
    """The rows by their places; what a later row tells anew is void, and what came after it too."""
    found: dict[int, dict[str, float]] = {}  # in order, so that the last one is the highest
    columns = table.all_numbers(set())
    for row, at in enumerate(table.at):
        while found and next(reversed(found)) >= at:
            found.popitem()
        found[at] = {
            name: value for name, values in columns.items() if (value := values[row]) is not None
        }
    return found


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _floats(values: Any) -> list[float | None]:
    """A metric's values; nothing for what isn't one number an epoch.

    >>> _floats([1, None, 0.5]), _floats({"0": 2.0, "2": 1.0}), _floats("ab")
    ([1.0, None, 0.5], [2.0, None, 1.0], [])
    """
    try:
        if isinstance(values, Mapping):  # by the number of the epoch, as pandas saves a table
            by_epoch = {int(epoch): value for epoch, value in values.items()}
            if min(by_epoch) < 0 or max(by_epoch) >= MOST:
                return []
            values = [by_epoch.get(epoch) for epoch in range(max(by_epoch) + 1)]
        found = [None if value is None else float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return []
    return found if _any(found) else []
