"""The running Ray cluster: found, looked at, and errors that say how to start one."""

from collections.abc import Mapping
from typing import Any

from keras_lr.errors import InvalidInput, MissingExtra


def connected() -> Any:
    """The module `ray`, connected to a cluster.

    Raises:
        MissingExtra: Ray isn't installed.
        InvalidInput: `ray.init` wasn't called.
    """
    try:
        import ray  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra('engine="ray"', "ray") from error
    if not ray.is_initialized():
        raise InvalidInput(
            'engine="ray" runs on the cluster that you are connected to, and there is none. Write '
            'import ray; ray.init() before tune(...) for this machine, ray.init(address="auto") '
            "for the cluster that it is part of."
        )
    return ray


def nodes(ray: Any) -> list[Mapping[str, float]]:
    """Resources of each living node."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def here(ray: Any) -> Any:
    """The scheduling strategy for an actor that has to live and die with the driver's node."""
    from ray.util.scheduling_strategies import (  # pyright: ignore[reportMissingImports]
        NodeAffinitySchedulingStrategy,
    )

    return NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)


def losses(ray: Any) -> tuple[type[Exception], ...]:
    """The errors of a task that say nothing about its trials: its worker or its node is gone."""
    errors = ray.exceptions
    return (
        errors.WorkerCrashedError,
        errors.NodeDiedError,
        errors.LocalRayletDiedError,
        errors.OutOfMemoryError,
        errors.ObjectLostError,
        errors.RaySystemError,
    )
