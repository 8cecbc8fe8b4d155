"""A training on disk as it goes on: one JSON object a line, written at once, readable at any time.

`LearningRateMonitor(record="run.jsonl")` writes it, `watch.Run.read` reads it. Each line has a `kind`:

- `run`: a fit begins, or goes on after a crash. `epoch` and `step` say where: what earlier lines tell
  of that epoch and later ones is void. Also what was planned: `epochs`, `steps_per_epoch`,
  `schedule`, `settings`, `name`, and the `version` of this format.
- `step`: `values` (name to number) of the last update of an interval; `step` updates are done.
- `epoch`: `values` of the epoch with the number `epoch` (the first is 0), which are Keras's logs.
- `event`: the fields of a `RateEvent`.
- `end`: the fit is over; a run without it was killed, or goes on.

Each line says under `run` which run it is of, so that two fits that write at once don't mix; a line
without it (of an earlier version) is of the run that begins above it. A fit that goes on from a backup
has the `run` of the one that made it; one that begins at a later epoch by itself goes on in the last.

JSON has no NaN and no infinities: they are the strings `"nan"`, `"inf"` and `"-inf"`.
"""

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.state.rate_event import RateEvent

VERSION = 1
_FIELDS = tuple(each.name for each in fields(RateEvent))


@dataclass
class RecordedRun:
    """One run as its lines tell it.

    Args:
        head: The last `run` line.
        epochs: The values of each epoch that was trained, by its number.
        steps: The values at some updates, by the updates done.
        events: What changed the rate, in order.
        end: The `end` line; `None` for a run that was killed or goes on.
    """

    head: Mapping[str, Any]
    epochs: dict[int, dict[str, float]] = field(default_factory=dict)
    steps: dict[int, dict[str, float]] = field(default_factory=dict)
    events: list[RateEvent] = field(default_factory=list)
    end: Mapping[str, Any] | None = None

    def go_on(self, head: Mapping[str, Any]) -> None:
        """Go back to where a resumed fit begins."""
        epoch, step = int(head["epoch"]), int(head["step"])
        self.head, self.end = {**self.head, **head}, None
        self.epochs = {at: values for at, values in self.epochs.items() if at < epoch}
        self.steps = {at: values for at, values in self.steps.items() if at <= step}
        self.events = [e for e in self.events if e.step <= step and e.epoch <= epoch]


def encode(kind: str, **content: Any) -> str:
    """One line, without its end.

    >>> encode("step", step=2, values={"loss": float("nan")})
    '{"kind": "step", "step": 2, "values": {"loss": "nan"}}'
    """
    return json.dumps({"kind": kind, **_plain(content)}, allow_nan=False)


def encode_event(event: Any, **more: Any) -> str:
    """The line of a `RateEvent`, with `more` in it."""
    return encode("event", **more, **{name: getattr(event, name) for name in _FIELDS})


def read_runs(path: str | os.PathLike[str]) -> list[RecordedRun]:
    """The runs in a record, in order: a fit that begins at its first epoch is a new one.

    A line that a crash cut off is left out.

    Args:
        path: The file.

    Raises:
        InvalidInput: It can't be read, or is no run record.
    """
    runs = _Runs()
    for number, line in _lines(Path(path)):
        told = str(line)[:80]
        try:
            version = line["version"] if line["kind"] == "run" else VERSION
            if version <= VERSION:
                runs.add(line)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise InvalidInput(
                f"{Path(path).name}, line {number} isn't as LearningRateMonitor(record=...) writes "
                f"it ({_problem(error)}). Received: {told}."
            ) from error
        if version > VERSION:
            raise InvalidInput(
                f"{Path(path).name} was written by a later keras-lr: its format has version "
                f"{version}, and this one reads {VERSION}. Write: pip install --upgrade keras-lr"
            )
    found = runs.found
    if not found:
        raise InvalidInput(
            f"{Path(path).name} is empty: LearningRateMonitor(record=...) writes its first line "
            "when the first epoch begins."
        )
    return found


def check_appendable(path: Path) -> None:
    """Refuse to append to a file that is no run record.

    Raises:
        InvalidInput: It is something else, or can't be read.
    """
    if path.is_dir():
        raise InvalidInput(
            f"A run record is a file, and {str(path)!r} is a folder. Write "
            f"record={str(path / 'run.jsonl')!r}."
        )
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            first = file.readline(1 << 20).decode("utf-8", errors="replace")
        try:
            known = json.loads(first).get("kind") == "run"
        except (ValueError, AttributeError):
            known = _is_cut(first)
        if not known:
            raise InvalidInput(
                f"There is a file {str(path)!r}, which is no run record, and is left alone. Write "
                "the path of a new file, or of an earlier record to go on in it."
            )


def _is_cut(first: str) -> bool:
    """Whether a first line is the beginning of what `encode("run")` gives, and no more."""
    begin = '{"kind": "run", '
    return first.startswith(begin) or begin.startswith(first)


class _Runs:
    """The runs that the lines so far tell of."""

    def __init__(self) -> None:
        self.found: list[RecordedRun] = []
        self._named: dict[str, RecordedRun] = {}

    def add(self, line: dict[str, Any]) -> None:
        """Take one line in."""
        kind, name = line.pop("kind"), line.pop("run", None)
        if kind == "run":
            self._begin(line, name)
            return
        run = self._named.get(str(name)) or self.found[-1]
        if kind == "epoch":
            run.epochs[_count(line, "epoch")] = _numbers(line["values"])
        elif kind == "step":
            step = _count(line, "step")
            if step < next(reversed(run.steps), 0):
                raise ValueError(f"step {step} comes after {next(reversed(run.steps))}")
            run.steps.setdefault(step, {}).update(_numbers(line["values"]))
        elif kind == "event":
            told = {name: line[name] for name in _FIELDS if name in line}
            numbers = {name: float(told[name]) for name in ("factor", "rate")}
            event = RateEvent(**{**told, **numbers})
            if event not in run.events:  # a fit that goes on tells what it was told
                run.events.append(event)
        elif kind == "end":
            run.end = line
        # A kind of line that a later version adds doesn't hinder an earlier one.

    def _begin(self, head: dict[str, Any], name: Any) -> None:
        _check_head(head)
        if (_count(head, "epoch") or _count(head, "step")) and self.found:
            run = self._named.get(str(name)) or self.found[-1]
            run.go_on(head)
            self.found = [each for each in self.found if each is not run]
        else:
            run = RecordedRun(head)
        self.found.append(run)  # the last is the one that began or went on last
        if name is not None:
            self._named[str(name)] = run


def _check_head(head: Mapping[str, Any]) -> None:
    kinds = {"settings": Mapping, "name": str, "schedule": str}
    kinds |= dict.fromkeys(("epochs", "steps_per_epoch"), int | float)
    for name, kind in kinds.items():
        value = head.get(name)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"{name} is {value!r}")
        if isinstance(value, int | float) and not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}, and counts from 0")


def _count(line: Mapping[str, Any], name: str) -> int:
    """An epoch's number, or updates done."""
    count = int(line[name])
    if count < 0:
        raise ValueError(f"{name} is {count}, and counts from 0")
    return count


def _problem(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise InvalidInput(f"{str(path)!r} can't be read: {error.strerror or error}.") from error
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            if not isinstance(line, dict) or "kind" not in line:
                raise ValueError
            if number == 1 and line["kind"] != "run":
                raise ValueError
        except ValueError:
            if number > 1 or _is_cut(text):
                continue  # a crash cut it off
            raise InvalidInput(
                f"{path.name} is no run record: its first line isn't the beginning of a run. "
                "Records are what LearningRateMonitor(record='run.jsonl') writes. "
                f"Received: {text[:60]!r}."
            ) from None
        yield number, line


def _numbers(values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise TypeError(f"values is {values!r}")
    return {str(name): float(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else str(number)
