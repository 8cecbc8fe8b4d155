"""Who works on a stored study: one live process at a time, and what a dead one left is taken over.

On the owner's own machine the process id tells whether it lives (with the time at which it
started, since ids are used again). From another machine only the clock can tell: an owner notes
every few seconds that it is alive, and one that hasn't for minutes is taken to be dead.
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

from keras_lr.errors import InvalidInput

BEAT = 20.0
"""Seconds between two signs of life."""

SILENCE = 300.0
"""Seconds without one after which an owner on another machine is taken to be dead."""

_KEY = "keras_lr_owner"
_here: set[str] = set()


class Owner:
    """The claim of this call of `tune` on a study, held while it is entered.

    Args:
        study: An Optuna study.
    """

    def __init__(self, study: Any) -> None:
        self.study = study
        self.mark = {
            "id": uuid.uuid4().hex,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
        }
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def claim(self) -> None:
        """Take the study.

        Raises:
            InvalidInput: A live process works on it.
        """
        self._refuse()
        self._beat()
        self._refuse()  # somebody may have claimed it in the same moment; the later one has it
        _here.add(self.mark["id"])
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def release(self) -> None:
        """Let the study go."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        _here.discard(self.mark["id"])
        if self._read().get("id") == self.mark["id"]:
            self.study.set_user_attr(_KEY, {})

    def confirm(self) -> None:
        """Refuse to go on where another process has taken the study since."""
        self._refuse()

    def _read(self) -> dict[str, Any]:
        return self.study.user_attrs.get(_KEY) or {}

    def _beat(self) -> None:
        self.study.set_user_attr(_KEY, {**self.mark, "beat": time.time()})

    def _live(self) -> None:
        while not self._over.wait(BEAT):
            # A storage that is busy for a moment is no reason to stop; the next beat will do.
            with contextlib.suppress(Exception):
                if self._read().get("id") == self.mark["id"]:
                    self._beat()

    def _refuse(self) -> None:
        other = self._read()
        if other and other["id"] != self.mark["id"] and is_alive(other):
            raise InvalidInput(
                f"The study {self.study.study_name!r} is in use by process {other['pid']} on "
                f"{other['host']}: wait until it ends, end it, or give another study_name."
            )


def is_alive(mark: Mapping[str, Any]) -> bool:
    """Whether the process that made this mark still works on its study."""
    if mark["host"] != socket.gethostname() or sys.platform == "win32":
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


def _started(pid: int) -> str | None:
    """When a process started, where the system tells; `None` elsewhere."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold spaces; the start is the 20th field after it.
    return f"{boot} {stat.rpartition(')')[2].split()[19]}"
