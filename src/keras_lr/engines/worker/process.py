"""The parent's side of a worker: start it, talk to it, end it, leave nothing behind."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

from keras_lr.engines.portable import NotPortable, Packed
from keras_lr.engines.worker import files
from keras_lr.engines.worker.channel import Channel
from keras_lr.errors import KerasLRError

MODULE = "keras_lr.engines.worker"

PATIENCE = 5.0
"""Seconds in which a worker that is told to end has to."""


class WorkerDied(KerasLRError, RuntimeError):
    """The worker's process ended by itself; the message says how, with its last words."""


def missing() -> str | None:
    """Why no worker can be started here, or `None` where one can."""
    if importlib.util.find_spec("jax") is None:
        return 'JAX isn\'t installed (pip install "keras-lr[jax]")'
    if not sys.executable:
        return "this Python doesn't know its own executable"
    return None


class Worker:
    """A JAX process that trains, and a temporary folder for what is too long for a message.

    It is a session of its own, so that Ctrl-C in a terminal reaches the parent alone, who decides;
    it ends when the parent closes the channel or dies.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="keras-lr-"))
        try:
            with open(self.folder / "log", "wb") as log:
                self.process = subprocess.Popen(
                    # -P: not the working folder, unless it is among this process's own paths.
                    [sys.executable, "-P", "-m", MODULE, str(self.folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=_environment(),
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise NotPortable(f"no process can be started ({error})") from error
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self._channel = Channel(self.process.stdout, self.process.stdin)
        self.stop = weakref.finalize(self, _end, self.process, self.folder)

    @property
    def alive(self) -> bool:
        """Whether it can be talked to."""
        return self.stop.alive and self.process.poll() is None

    def put(self, name: str, packed: Packed) -> str:
        """Write a file for the worker; its name, for a message.

        Raises:
            NotPortable: There is no room for it.
        """
        try:
            files.write(self.folder / name, packed)
        except OSError as error:
            size = packed.nbytes / 2**20
            raise NotPortable(
                f"{size:.0f} MiB don't fit into {tempfile.gettempdir()} ({error.strerror}; "
                "TMPDIR names another folder)"
            ) from error
        return name

    def take(self, name: str) -> Any:
        """What the worker wrote into a file; the file is removed."""
        value = files.read(self.folder / name).value()
        (self.folder / name).unlink()
        return value

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            WorkerDied: Nobody is there any more.
        """
        try:
            self._channel.send(**message)
        except (OSError, ValueError) as error:
            raise self._died() from error

    def receive(self) -> dict[str, Any]:
        """The worker's next message.

        Raises:
            WorkerDied: There will be none.
        """
        try:
            return self._channel.receive()
        except (EOFError, OSError, ValueError) as error:
            raise self._died() from error

    def _died(self) -> WorkerDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        code = self.process.poll()
        told = "stopped answering" if code is None else f"exit code {code}"
        if code is not None and code < 0:
            told = signal.Signals(-code).name
            if -code == signal.SIGKILL:
                told += ", as when memory runs out"
        last = _last_words(self.folder / "log")
        self.stop()
        return WorkerDied(f"the JAX process died ({told})" + (f": {last}" if last else ""))


def _environment() -> dict[str, str]:
    paths = [path or os.getcwd() for path in sys.path]
    return {
        # The parent may hold memory of the same accelerator.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    found = [line.strip() for line in lines if line.strip()]
    return found[-1][:300] if found else ""


def _end(process: subprocess.Popen, folder: Path) -> None:
    """End the process, collect it, and remove what it leaves."""
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
