"""Where a monitor writes: a run record of JSON lines, and TensorBoard's event files."""

import importlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from keras_lr.callbacks.warning import warn
from keras_lr.errors import InvalidInput
from keras_lr.state.rate_event import RateEvent
from keras_lr.state.run_lines import check_appendable, encode, encode_event

_VALIDATION = "val_"


class Destination(Protocol):
    """What a monitor writes to, from a fit's begin to its end."""

    def begin(self, head: Mapping[str, Any]) -> None:
        """The fit begins: the content of a `run` line."""
        ...

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """So many updates are done, and these were the values at the last."""
        ...

    def epoch(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """An epoch is over."""
        ...

    def event(self, event: RateEvent) -> None:
        """Something changed the rate."""
        ...

    def end(self, epoch: int, step: int) -> None:
        """The fit is over."""
        ...


class RecordFile:
    """A run record (see `state.run_lines`): each line is with the system when it is written.

    A file that is there is appended to. Where it can't be written to any more (a full disk), the
    training goes on without it, with a warning.

    Args:
        path: The file; its folder is made when missing.

    Raises:
        InvalidInput: There is something else at that path, or it can't be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken = False
        self._run: dict[str, Any] = {}
        check_appendable(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                if file.tell() and not _ends_a_line(path):
                    file.write(b"\n")  # a crash cut the last one off
        except OSError as error:
            raise InvalidInput(
                f"The run record can't be written there ({error.strerror or error}). Write the "
                f"path of a file in a folder you may write to. Received: record={str(path)!r}."
            ) from error

    def begin(self, head: Mapping[str, Any]) -> None:
        """A `run` line; what it calls the run is in each line from now on."""
        self._run = {} if head.get("run") is None else {"run": head["run"]}
        self._write(encode("run", **{**head, **self._run}) + "\n")

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """A `step` line."""
        self._write(encode("step", **self._run, step=step, values=values) + "\n")

    def epoch(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """An `epoch` line."""
        self._write(encode("epoch", **self._run, epoch=epoch, step=step, values=values) + "\n")

    def event(self, event: RateEvent) -> None:
        """An `event` line."""
        self._write(encode_event(event, **self._run) + "\n")

    def end(self, epoch: int, step: int) -> None:
        """An `end` line."""
        self._write(encode("end", **self._run, epoch=epoch, step=step) + "\n")

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            # Not kept open: Keras tells no callback of a fit that raised.
            with self.path.open("ab", buffering=0) as file:
                data = memoryview(text.encode())
                while data:
                    data = data[file.write(data) :]
        except OSError as error:
            self._broken = True
            warn(
                f"The run record {str(self.path)!r} can't be written to any more "
                f"({error.strerror or error}); training goes on without it."
            )


class TensorBoard:
    """Event files by tensorboardX, which needs no TensorFlow: as Keras's own callback writes them.

    Folders `train` and `validation`; tags `epoch_NAME` at epochs and `batch_NAME` at updates.

    Args:
        folder: Of this run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used = folder.is_dir() and next(folder.rglob("*tfevents*"), None) is not None
        self._writers: dict[str, Any] = {}

    def begin(self, head: Mapping[str, Any]) -> None:
        """The schedule and the settings, as text."""
        if self._used and not head["epoch"] and not head["step"]:
            warn(
                f"There is a run in {str(self._folder)!r} already, and TensorBoard draws both as one. "
                f"Give each a folder of its own: tensorboard={f'{self._folder}-2'!r}."
            )
        told = {"schedule": head.get("schedule"), **head.get("settings", {})}
        lines = [f"- {name}: {value}" for name, value in told.items() if value is not None]
        self._writer("train").add_text("run", "\n".join(lines), int(head["epoch"]))

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """The scalars of an interval."""
        for name, value in values.items():
            self._writer("train").add_scalar(f"batch_{name}", value, step)
        self._flush()

    def epoch(self, epoch: int, step: int, values: Mapping[str, float]) -> None:
        """The scalars of an epoch."""
        for name, value in values.items():
            validation = name.startswith(_VALIDATION)
            writer = self._writer("validation" if validation else "train")
            writer.add_scalar(f"epoch_{name.removeprefix(_VALIDATION)}", value, epoch)
        self._flush()

    def event(self, event: RateEvent) -> None:
        """What changed the rate, as text at its update."""
        self._writer("train").add_text("rate changes", event.line(), event.step)

    def end(self, epoch: int, step: int) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _flush(self) -> None:
        for writer in self._writers.values():
            writer.flush()

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            module: Any = importlib.import_module("tensorboardX")
            # Of two that are begun in the same second, one would write over the other.
            suffix = f".{uuid.uuid4().hex[:8]}"
            self._writers[part] = module.SummaryWriter(
                str(self._folder / part), filename_suffix=suffix
            )
        return self._writers[part]


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
