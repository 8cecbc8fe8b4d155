"""Where runs come from: what `fit` returned, and the files that trainings leave behind."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rules.logs import RECORDS, Log, Table, Unit, read_log
from keras_lr.state.run_lines import RecordedRun, read_runs
from keras_lr.watch.run import Curve, Run, gaps

MOST = 1_000_000
"""Epochs of a run, at most: of what is more, one of the numbers is wrong."""


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


def _accumulated(history: Any) -> int:
    """Batches of an update."""
    optimizer = getattr(getattr(history, "model", None), "optimizer", None)
    if optimizer is None:
        return 1
    from keras_lr.rate import leaves

    return leaves(optimizer)[0].gradient_accumulation_steps or 1


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
    first = min(run.epochs, default=0)
    names = dict.fromkeys(key for values in run.epochs.values() for key in values)
    numbers = _between(first, max(run.epochs, default=-1), place.name)
    columns = {key: [run.epochs.get(at, {}).get(key) for at in numbers] for key in names}
    return Run(
        **gaps(columns),
        events=tuple(run.events),
        name=name or head.get("name") or place.name,
        schedule=head.get("schedule"),
        steps=_curves(run.steps),
        epochs_planned=head.get("epochs"),
        steps_per_epoch=head.get("steps_per_epoch"),
        settings=head.get("settings") or {},
        done=run.end is not None,
        first_epoch=first,
    )


def _curves(steps: Mapping[int, Mapping[str, float]]) -> dict[str, Curve]:
    points: dict[str, list[tuple[int, float]]] = {}
    for step in sorted(steps):
        for name, value in steps[step].items():
            points.setdefault(name, []).append((step, value))
    return {
        name: Curve([step for step, _ in found], [value for _, value in found])
        for name, found in points.items()
    }


def _saved(place: Path, name: str) -> Run:
    """A history that somebody saved: the dictionary itself, or below "history"."""
    try:
        saved = json.loads(place.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
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
    first, columns = (0, {}) if log.epochs is None else _by_epoch(log.epochs)
    steps = {} if log.steps is None else _by_step(log.steps)
    if not columns and not steps:
        raise InvalidInput(f"There is no metric in {log.source}.")
    return Run(**gaps(columns), name=name, steps=steps, first_epoch=first)


def _by_epoch(table: Table) -> tuple[int, dict[str, list[float | None]]]:
    rows: dict[int, int] = {}  # in order, so that the last one is the highest
    for row, epoch in enumerate(table.at):
        while rows and next(reversed(rows)) >= epoch:
            rows.popitem()
        rows[epoch] = row
    first = min(rows)
    numbers = _between(first, max(rows), table.source)
    columns = {
        name: [values[rows[at]] if at in rows else None for at in numbers]
        for name, values in table.all_numbers(set()).items()
    }
    return first, {name: values for name, values in columns.items() if _any(values)}


def _between(first: int, last: int, source: str) -> range:
    """All epochs from the first to the last."""
    if last - first >= MOST:
        raise InvalidInput(
            f"{source} tells of epochs from {first} to {last}, which is no run's. If its rows are "
            "updates, call the column step. "
            f"Received: {last - first + 1} epochs, of which {MOST} at most are read."
        )
    return range(first, last + 1)


def _by_step(table: Table) -> dict[str, Curve]:
    found = {}
    for name, values in table.all_numbers(set()).items():
        points = [(at, v) for at, v in zip(table.at, values, strict=True) if v is not None]
        if points:
            found[name] = Curve([at for at, _ in points], [value for _, value in points])
    return found


def _any(values: Sequence[float | None]) -> bool:
    return any(value is not None for value in values)


def _floats(values: Any) -> list[float | None]:
    """A metric's values; nothing for what isn't one number an epoch."""
    try:
        found = [None if value is None else float(value) for value in values]
    except (TypeError, ValueError):
        return []
    return found if _any(found) else []
