"""A training on disk as it goes on: one JSON object a line, written at once, readable at any time.

`LearningRateMonitor(record="run.jsonl")` writes it, `watch.Run.read` reads it. Each line has a `kind`:

- `run`: a fit begins, or goes on after a crash. `epoch` and `step` say where: what earlier lines tell
  of that epoch and later ones is void. Also what was planned: `epochs`, `steps_per_epoch`,
  `schedule`, `settings`, `name`, and the `version` of this format.
- `step`: `values` (name to number) of the last update of an interval; `step` updates are done.
- `epoch`: `values` of the epoch with the number `epoch` (the first is 0), which are Keras's logs.
- `event`: the fields of a `RateEvent`.
- `end`: the fit is over; a run without it was killed, or goes on. `reason` is set where it failed.

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


def encode_event(event: Any) -> str:
    """The line of a `RateEvent`."""
    return encode("event", **{name: getattr(event, name) for name in _FIELDS})


def read_runs(path: str | os.PathLike[str]) -> list[RecordedRun]:
    """The runs in a record, in order: a fit that begins at its first epoch is a new one.

    A line that a crash cut off is left out.

    Args:
        path: The file.

    Raises:
        InvalidInput: It can't be read, or is no run record.
    """
    found: list[RecordedRun] = []
    for number, line in _lines(Path(path)):
        try:
            _add(found, line)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InvalidInput(
                f"{Path(path).name}, line {number}: {error or type(error).__name__} "
                f"isn't as LearningRateMonitor(record=...) writes it. Received: {str(line)[:80]}."
            ) from error
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
            known = False
        if not known:
            raise InvalidInput(
                f"There is a file {str(path)!r}, which is no run record, and is left alone. Write "
                "the path of a new file, or of an earlier record to go on in it."
            )


def _add(runs: list[RecordedRun], line: dict[str, Any]) -> None:
    """Take one line in."""
    kind = line.pop("kind")
    if kind == "run":
        if line["version"] > VERSION:
            raise InvalidInput(
                f"The record has version {line['version']}, and this keras-lr reads {VERSION}: "
                "pip install --upgrade keras-lr."
            )
        if (line["epoch"] or line["step"]) and runs:
            runs[-1].go_on(line)
        else:
            runs.append(RecordedRun(line))
    elif kind == "epoch":
        runs[-1].epochs[int(line["epoch"])] = _numbers(line["values"])
    elif kind == "step":
        runs[-1].steps.setdefault(int(line["step"]), {}).update(_numbers(line["values"]))
    elif kind == "event":
        told = {name: line[name] for name in _FIELDS if name in line}
        numbers = {name: float(told[name]) for name in ("factor", "rate")}
        event = RateEvent(**{**told, **numbers})
        if event not in runs[-1].events:  # a fit that goes on tells what it was told
            runs[-1].events.append(event)
    elif kind == "end":
        runs[-1].end = line
    # A kind of line that a later version adds doesn't hinder an earlier one.


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
            if number > 1:
                continue  # a crash cut it off
            raise InvalidInput(
                f"{path.name} is no run record: its first line isn't the beginning of a run. "
                "Records are what LearningRateMonitor(record='run.jsonl') writes. "
                f"Received: {text[:60]!r}."
            ) from None
        yield number, line


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
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
