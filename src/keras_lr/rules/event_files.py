"""TensorBoard's event files as tables, read by the `tensorboard` package, without TensorFlow."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput, MissingExtra
from keras_lr.rules.logs import Log, Table, Unit

_TRAINING, _VALIDATION = ("train", "."), "validation"


@dataclass(frozen=True)
class _File:
    """The scalars of a file.

    Args:
        folder: Where it lies.
        began: When it was begun, in seconds.
        points: Tag to step to time and value.
    """

    folder: str
    began: float
    points: dict[str, dict[int, tuple[float, float]]]

    def first(self, unit: Unit | None, rows: Unit | None) -> int | None:
        """The first of its steps that count this; `None` if it has none."""
        steps = [
            step
            for tag, points in self.points.items()
            if _meaning(tag, rows)[0] == unit
            for step in points
        ]
        return min(steps, default=None)


def read_event_files(path: Path, rows: Unit | None = None) -> Log:
    """The scalars below a folder, or of one event file.

    Keras's own log has its folders `train` and `validation`, and tags that say what they count:
    `epoch_loss`, `batch_loss`; the metrics of `validation` get `val_` before their names. Tags of
    other writers keep their names, and what their steps are has to be said with `rows`.

    A fit that went on in the folder, or began anew there, has a file of its own: what earlier ones
    tell of where it began, and of later, is void.

    Args:
        path: The folder of one run, or one file.
        rows: What the steps of tags that don't say it are.

    Raises:
        MissingExtra: The `tensorboard` package isn't installed.
        InvalidInput: There is nothing in it, it holds several runs, or `rows` is needed.
    """
    found: dict[Unit, dict[str, dict[int, float]]] = {"epoch": {}, "step": {}}
    unclear: list[str] = []
    for folder, values in _folders(path, rows).items():
        prefix = "val_" if folder == _VALIDATION else ""
        for tag, points in values.items():
            if tag.endswith("_vs_iterations"):
                continue  # Keras's second record of an evaluation, without an epoch
            unit, name = _meaning(tag, rows)
            if unit is None:
                unclear.append(tag)
            else:
                found[unit].setdefault(prefix + name, {}).update(points)
    tables = [_table(unit, columns, path) for unit, columns in found.items() if columns]
    if not tables and unclear:
        raise InvalidInput(
            f"The steps of {unclear[0]!r} in {path.name} may be epochs or updates. Say which: "
            "rows='epoch' or rows='step'."
        )
    if not tables:
        raise InvalidInput(f"There is no scalar in the event files of {str(path)!r}.")
    return Log.of(*tables)


def _meaning(tag: str, rows: Unit | None) -> tuple[Unit | None, str]:
    """What the steps of a tag are, and the metric's name."""
    heads: dict[str, Unit] = {"epoch_": "epoch", "batch_": "step"}
    for head, unit in heads.items():
        if tag.startswith(head) and tag != head:
            return unit, tag.removeprefix(head)
    return rows, tag


def _table(unit: Unit, columns: Mapping[str, Mapping[int, float]], path: Path) -> Table:
    steps = sorted({step for points in columns.values() for step in points})
    shift = int(unit == "step" and steps[0] == 0)
    listed = {name: [points.get(step) for step in steps] for name, points in columns.items()}
    return Table(unit, tuple(step + shift for step in steps), listed, path.name)


def _folders(path: Path, rows: Unit | None) -> dict[str, dict[str, dict[int, float]]]:
    """Each folder's scalars: tag to value by step."""
    paths = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    if not paths:
        raise InvalidInput(f"There is no event file (*tfevents*) below {str(path)!r}.")
    files = []
    for each in paths:
        folder = each.parent.name if path.is_file() else str(each.parent.relative_to(path))
        folder = folder if folder == _VALIDATION or path.is_dir() else "."
        files.append(_read(each, folder))
    files = sorted((file for file in files if file.points), key=lambda file: file.began)
    # Where training is logged, each fit begins a file at once; that of validation comes later.
    main = next((f for f in _TRAINING if any(file.folder == f for file in files)), _VALIDATION)
    for at, file in enumerate(files):
        if file.folder == main and any(each.folder == main for each in files[:at]):
            _void(files[:at], file, rows)
    found: dict[str, dict[str, dict[int, float]]] = {}
    for file in files:
        scalars = found.setdefault(file.folder, {})
        for tag, points in file.points.items():
            values = {step: value for step, (_, value) in points.items()}
            if values:
                scalars.setdefault(tag, {}).update(values)
    filled = {folder: scalars for folder, scalars in found.items() if scalars}
    others = sorted(set(filled) - {*_TRAINING, _VALIDATION})
    if len(others) + any(folder in filled for folder in _TRAINING) > 1:
        raise InvalidInput(
            f"{str(path)!r} holds several runs: {', '.join(sorted(filled))}. Read one of them, "
            f"e.g. {str(path / others[0])!r}."
        )
    return filled


def _void(earlier: Sequence[_File], file: _File, rows: Unit | None) -> None:
    """Drop what files told, before this one was begun, of where it begins and of later."""
    units: tuple[Unit | None, ...] = ("epoch", "step", None)
    starts = {unit: file.first(unit, rows) for unit in units}
    before = {
        unit: min((at for each in earlier if (at := each.first(unit, rows)) is not None), default=0)
        for unit in units
    }
    anew = any(start is not None and start <= before[unit] for unit, start in starts.items())
    for each in earlier:
        for tag, points in each.points.items():
            start = starts[_meaning(tag, rows)[0]]
            start = 0 if start is None and anew else start
            for step, (when, _) in list(points.items()):
                if start is not None and step >= start and when < file.began:
                    del points[step]


def _read(file: Path, folder: str) -> _File:
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.util import tensor_util
    except ImportError as error:
        raise MissingExtra("Reading a TensorBoard log", "tensorboard") from error
    everything = {"scalars": 0, "tensors": 0, "images": 1, "histograms": 1, "audio": 1}
    log = logging.getLogger("tensorboard")
    before = log.level
    log.setLevel(logging.ERROR)  # it tells of files whose end is missing, which crashes leave
    try:
        events = EventAccumulator(str(file), size_guidance=everything).Reload()
    except Exception as error:
        raise InvalidInput(f"{file.name} can't be read as an event file: {error}") from error
    finally:
        log.setLevel(before)
    tags: Any = events.Tags()
    found = {
        tag: {e.step: (e.wall_time, float(e.value)) for e in events.Scalars(tag)}
        for tag in tags["scalars"]
    }
    for tag in tags["tensors"]:
        arrays = [
            (e.step, e.wall_time, tensor_util.make_ndarray(e.tensor_proto))
            for e in events.Tensors(tag)
        ]
        if all(array.size == 1 and array.dtype.kind in "fiu" for _, _, array in arrays):
            found[tag] = {step: (when, float(array.item())) for step, when, array in arrays}
    return _File(folder, float(events.FirstEventTimestamp() or 0.0) if found else 0.0, found)
