"""Ctrl-C that can't get lost: asked for again where Python couldn't raise it."""

import signal
import threading
from types import FrameType


class Interruption:
    """Takes note of Ctrl-C for the length of a `with` block.

    Python raises `KeyboardInterrupt` wherever it happens to be. Inside a `__del__` or a callback
    of C code it is printed and forgotten, and a search of hours goes on. `check()` raises it once
    more, at a place that can.

    Only the main thread gets signals, and a handler that isn't Python's own is left in charge.
    """

    def __init__(self) -> None:
        self._asked = False
        self._mine = False

    def __enter__(self) -> "Interruption":
        self._mine = (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._mine:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._mine:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise `KeyboardInterrupt` if Ctrl-C was pressed, once more if it was raised before.

        Raises:
            KeyboardInterrupt: It was.
        """
        if self._asked:
            self._asked = False
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        signal.default_int_handler(number, frame)
