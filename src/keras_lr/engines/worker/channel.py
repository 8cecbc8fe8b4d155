"""Lines of JSON between two processes."""

import json
import os
import sys
from typing import IO, Any


class Channel:
    """Messages, one a line, in both directions.

    Args:
        source: Where they are read from.
        sink: Where they are written to.
    """

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self.source = source
        self.sink = sink

    @classmethod
    def of_this_process(cls) -> "Channel":
        """The channel to the parent: standard input and output, which nothing else gets from here
        on (what is printed goes to standard error)."""
        source = os.fdopen(os.dup(0), "rb")
        sink = os.fdopen(os.dup(1), "wb")
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        sys.stdin = open(os.devnull)  # noqa: SIM115
        return cls(source, sink)

    def send(self, **message: Any) -> None:
        """Send a message.

        Raises:
            OSError: Nobody is there to read it.
        """
        self.sink.write(json.dumps(message).encode() + b"\n")
        self.sink.flush()

    def receive(self) -> dict[str, Any]:
        """The next message.

        Raises:
            EOFError: There will be none: the other side ended.
        """
        line = self.source.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return json.loads(line)
