"""What a Ray task of trials is given: lanes, cores, GPUs, tries."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from keras_lr.engines.job_checks import whole
from keras_lr.errors import InvalidInput

CPU_LANES = 16
"""Trials a task on a CPU: what the compiled engine gains from more is little."""

GPU_LANES = 64
"""Trials a task on a GPU, which has room for more lanes than a core keeps busy."""

CORES = 4
"""Cores a task without a GPU asks for: as many as the compiled engine's plans have threads."""


@dataclass(frozen=True)
class RayOptions:
    """How trials become Ray tasks: `tune(..., engine=RayOptions(num_gpus=0.5, lanes=32))`.

    Args:
        lanes: Trials a task at most; by default 64 on a GPU and 16 without one. A small wave is cut
            into smaller tasks, so that every slot of the cluster has one.
        num_cpus: Cores a task; by default 1 beside a GPU, else 4 or what the smallest node has.
        num_gpus: GPUs a task, 0.5 for two tasks on each; by default 1 where the cluster has any.
        wave: Trials asked from the sampler at once; by default as many as fill every slot. Give
            a number where the same seed has to give the same trials on clusters of any size.
        losses: How often a trial may be sent out again after its worker was lost, before it counts
            as failed.
        runtime_env: Ray's runtime environment of the tasks, such as `{"pip": [...]}` or
            `{"env_vars": {...}}`; `KERAS_BACKEND=jax` is added.

    Raises:
        InvalidInput: A number that can't be.

    >>> RayOptions(lanes=32, num_gpus=0.5).num_gpus
    0.5
    """

    lanes: int | None = None
    num_cpus: float | None = None
    num_gpus: float | None = None
    wave: int | None = None
    losses: int = 4
    runtime_env: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, least in (("lanes", 1), ("wave", 1), ("losses", 0)):
            if getattr(self, name) is not None:
                whole(getattr(self, name), name, least)
        for name in ("num_cpus", "num_gpus"):
            _check_share(getattr(self, name), name)
        if not isinstance(self.runtime_env, Mapping):
            raise InvalidInput(
                'runtime_env is a dictionary as ray.init takes it, e.g. {"env_vars": {"A": "1"}}. '
                f"Received: {self.runtime_env!r}."
            )


@dataclass(frozen=True)
class Slot:
    """What a task asks for, and how many of them the cluster can run at once.

    Args:
        lanes: Trials a task at most.
        num_cpus, num_gpus: Resources a task.
        count: Tasks that run side by side.
    """

    lanes: int
    num_cpus: float
    num_gpus: float
    count: int


def slots(options: RayOptions, nodes: list[Mapping[str, float]]) -> Slot:
    """What tasks get on these nodes.

    Args:
        options: What the user asked for.
        nodes: Resources of each node by name, as Ray has them (`CPU`, `GPU`).

    Raises:
        InvalidInput: No node has room for one task.

    >>> slots(RayOptions(), [{"CPU": 8}, {"CPU": 8}])
    Slot(lanes=16, num_cpus=4, num_gpus=0, count=4)
    >>> slots(RayOptions(num_gpus=0.5), [{"CPU": 8, "GPU": 2}])
    Slot(lanes=64, num_cpus=1, num_gpus=0.5, count=4)
    """
    gpus = options.num_gpus
    if gpus is None:
        gpus = 1 if any(node.get("GPU", 0) >= 1 for node in nodes) else 0
    cpus = options.num_cpus
    if cpus is None:
        least = min((int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1), default=1)
        cpus = 1 if gpus else min(CORES, least)
    count = sum(_fit(node, cpus, gpus) for node in nodes)
    if not count:
        told = ", ".join(f"CPU={n.get('CPU', 0):g} GPU={n.get('GPU', 0):g}" for n in nodes)
        raise InvalidInput(
            f"No node has room for a task of num_cpus={cpus:g} and num_gpus={gpus:g}; the nodes "
            f"have {told or 'nothing'}. Ask for less: engine=RayOptions(num_cpus=1, num_gpus=0)."
        )
    return Slot(options.lanes or (GPU_LANES if gpus else CPU_LANES), cpus, gpus, count)


def _fit(node: Mapping[str, float], cpus: float, gpus: float) -> int:
    rooms = [
        math.floor(node.get(name, 0) / asked + 1e-9)
        for name, asked in (("CPU", cpus), ("GPU", gpus))
        if asked
    ]
    return min(rooms, default=1)


def _check_share(value: Any, name: str) -> None:
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf or (value > 1 and value != int(value)):
        raise InvalidInput(
            f"{name} is a whole number, or a share below 1 of one. Received: {name}={value!r}."
        )
