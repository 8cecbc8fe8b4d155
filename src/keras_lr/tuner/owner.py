"""Who works on a stored study: live processes share it, and what a dead one left is taken over.

Each call of `tune` leaves a mark in the study while it runs, and in every trial that it trains. On
the same machine the process id tells whether the process behind a mark lives (with the time at
which it started, since ids are used again). Of another machine, another container, or before a
restart of the machine, only the clock can tell: a process notes every few seconds that it is
alive, and one that hasn't for minutes is taken to be dead.
"""

import contextlib
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BEAT = 20.0
"""Seconds between two signs of life."""

SILENCE = 300.0
"""Seconds without one after which a process on another machine is taken to be dead."""

_KEY = "keras_lr_owner:"
_here: set[str] = set()


class Owner:
    """The presence of this call of `tune` at a study, between `join` and `leave`.

    Args:
        study: An Optuna study.
    """

    def __init__(self, study: Any) -> None:
        self.study = study
        self.mark = {
            "id": uuid.uuid4().hex,
            "host": socket.gethostname(),
            "room": _room(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "beat": time.time(),
        }
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        """What tells this call from all others."""
        return self.mark["id"]

    def join(self) -> None:
        """Be seen to work on the study."""
        self._beat()
        _here.add(self.id)
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Be seen to have ended."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        _here.discard(self.id)
        # A storage that fails now is no reason to lose what the study has: the mark dies with us.
        with contextlib.suppress(Exception):
            self.study.set_user_attr(_KEY + self.id, {})

    def others(self) -> dict[str, dict[str, Any]]:
        """The marks of the other calls that work on the study now, by id."""
        found = self.study.user_attrs.items()
        marks = {key.removeprefix(_KEY): mark for key, mark in found if key.startswith(_KEY)}
        return {
            key: mark for key, mark in marks.items() if mark and key != self.id and is_alive(mark)
        }

    def _beat(self) -> None:
        self.study.set_user_attr(_KEY + self.id, {**self.mark, "beat": time.time()})

    def _live(self) -> None:
        while not self._over.wait(BEAT):
            # A storage that is busy for a moment is no reason to stop; the next beat will do.
            with contextlib.suppress(Exception):
                self._beat()


def is_alive(mark: Mapping[str, Any]) -> bool:
    """Whether the process that made this mark still works on its study."""
    if mark["host"] != socket.gethostname() or mark["room"] != _room() or sys.platform == "win32":
        # On Windows a signal of 0 is Ctrl-C, so its processes are judged by the clock too.
        return mark["id"] in _here or time.time() - mark["beat"] < SILENCE
    if mark["pid"] == os.getpid():
        return mark["id"] in _here
    try:
        os.kill(mark["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # there is one, of another user
    return mark["started"] == _started(mark["pid"])


def _room() -> str | None:
    """What process ids are valid in, where the system tells: a name space of a running kernel.

    The host's name doesn't say it: containers may share one, and machines that were made from one
    image. The name space alone doesn't either: that of every machine's first process has the same
    number.
    """
    try:
        return f"{_boot()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> str | None:
    """When a process started, in ticks since the boot, where the system tells; else `None`."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces; the start is the 20th field after it, the state
    # the first: a zombie has ended, and only its parent hasn't heard of it yet.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
