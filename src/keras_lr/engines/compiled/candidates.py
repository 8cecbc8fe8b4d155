"""Which plans are worth a look for a model on a machine, the likeliest first."""

import os
from typing import Any

from keras_lr.engines import internals
from keras_lr.engines.compiled.plan import Plan

UNROLLED = 4
"""Steps written out in a call, where calls of one step spend much on being called."""

SHARE = 0.4
"""The part of an accelerator's free memory that the states of lanes may take; steps need room too."""


def candidates(
    lanes: int,
    *,
    convolutions: bool,
    heavy: bool = False,
    platform: str,
    cores: int,
    lane_bytes: int = 0,
    free_bytes: int | None = None,
) -> list[Plan]:
    """Plans worth trying, the likeliest first.

    Args:
        lanes: Trials that will run side by side.
        convolutions: Whether the model has convolutions.
        heavy: Whether its steps are long, so that little is gained by sharing a call.
        platform: JAX's platform name.
        cores: CPU cores.
        lane_bytes: Bytes of a lane's state.
        free_bytes: Bytes that the device has free; `None` where it doesn't say.
    """
    if platform != "cpu":
        width = wide(lanes, lane_bytes, free_bytes)
        return list(dict.fromkeys([Plan(width, loop=True), Plan(width, loop=False)]))
    threads = max(1, min(4, cores))
    # Eight lanes in a call are about as fast a lane as thirty-two, and packs of eight keep every
    # core busy and shrink as trials end.
    together = Plan(_power(-(-lanes // threads), 8), loop=True, threads=threads)
    looped = Plan(1, loop=True, threads=threads)
    alone = Plan(1, loop=False, threads=threads)
    few = Plan(1, loop=False, threads=threads, steps=UNROLLED)
    found = [looped, together, alone] if heavy else [together, looped, alone]
    if convolutions:
        found = [alone, few, together, looped]
    return list(dict.fromkeys(found))


def wide(lanes: int, lane_bytes: int, free_bytes: int | None) -> int:
    """Lanes in a call on an accelerator: all of them, if their states leave room for the steps.

    >>> wide(100, 2**20, None), wide(100, 2**20, 2**26), wide(5, 2**20, None)
    (112, 16, 8)
    """
    # Multiples of sixteen waste less on padding than powers of two, and few sizes are compiled.
    width = _power(lanes, 16) if lanes <= 16 else -(-lanes // 16) * 16
    if free_bytes is None or not lane_bytes:
        return width
    room = max(1, int(SHARE * free_bytes) // lane_bytes)
    while width > room:
        width = width // 2 if width <= 16 else (width // 2 + 15) // 16 * 16
    return max(1, width)


def narrowed(width: int, lanes: int) -> int:
    """Lanes in a call when only so many are left: half as many, as often as there is room for all.

    >>> narrowed(64, 40), narrowed(64, 32), narrowed(48, 5)
    (64, 32, 6)
    """
    while 0 < lanes <= width // 2:
        width //= 2
    return width


def has_convolutions(model: Any) -> bool:
    """Whether a layer of the model is a convolution, by its class's name."""
    return _has(model, "conv")


def _has(model: Any, *words: str) -> bool:
    names = [type(layer).__name__.lower() for layer in internals.all_layers(model)]
    return any(word in name for name in names for word in words)


def default_candidates(lanes: int, model: Any, lane_bytes: int = 0) -> list[Plan]:
    """`candidates` for this model on this machine."""
    import jax

    return candidates(
        lanes,
        convolutions=has_convolutions(model),
        heavy=_has(model, "attention", "rnn", "lstm", "gru"),
        platform=jax.default_backend(),
        cores=available_cores(),
        lane_bytes=lane_bytes,
        free_bytes=free_bytes(jax.devices()[0]),
    )


def available_cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_bytes(device: Any) -> int | None:
    """Bytes that a device has free for JAX; `None` where it doesn't say, as on a CPU."""
    try:
        stats = device.memory_stats() or {}
    except Exception:
        return None  # some platforms raise instead of giving None
    limit = stats.get("bytes_limit")
    return None if limit is None else int(limit) - int(stats.get("bytes_in_use", 0))


def _power(lanes: int, limit: int) -> int:
    width = 1
    while width < min(lanes, limit):
        width *= 2
    return min(width, limit)
