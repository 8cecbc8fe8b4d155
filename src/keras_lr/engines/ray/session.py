"""A connection to a Ray cluster for as long as a command runs; a script calls `ray.init` itself."""

import contextlib
import socket
import warnings
from collections.abc import Iterator

from keras_lr.errors import InvalidInput, MissingExtra

PATIENCE = 10.0
"""Seconds that a host may take to answer."""


@contextlib.contextmanager
def session(address: str | None, *, asked_by: str) -> Iterator[None]:
    """Be connected to a cluster in a `with` block.

    Args:
        address: As `ray.init` takes it; `None` for the cluster that this machine is part of, or
            else for one of this machine alone, which ends with the block.
        asked_by: The option that asks for it, for errors.

    Raises:
        MissingExtra: Ray isn't installed.
        InvalidInput: There is no cluster at the address.
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra(asked_by, "ray") from error
    try:
        _check_answers(address or "")
        with warnings.catch_warnings():
            # Ray may start its processes by fork, and JAX has threads by now, which they don't use.
            warnings.filterwarnings("ignore", r"os\.fork", RuntimeWarning)
            ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())[:200]
        raise InvalidInput(
            f"{asked_by} can't reach a Ray cluster ({type(error).__name__}: {told}). Start one with "
            "`ray start --head`, and name its HOST:PORT, or leave --address out for this machine. "
            f"Received: --address {address}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Refuse a host that doesn't answer, for which Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE):
            pass
