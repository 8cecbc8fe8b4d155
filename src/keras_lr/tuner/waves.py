"""How many trials are asked for at once.

A sampler that learns wants its trials few at a time, an engine that trains side by side wants them
all. Sixteen is the compromise of engines on one machine; a cluster's engine says its own number.
Where nothing is learned from trials, all of them can be asked for at once, as far as memory goes.
"""

import math
from typing import Any

from keras_lr.engines import Engine

MOST = 256
"""Trials at once, where a sampler doesn't learn from them."""

ROOM = 2**30
"""Bytes that the weights and optimizer states of such a wave may take."""

COPIES = 4
"""Sizes of the weights that one trial takes: weights, gradients, two moments."""


def wave_size(engine: Engine, sampler: Any, model: Any) -> int:
    """Trials to ask for at once.

    Args:
        engine: What trains them; its `wave` is what it wants at once.
        sampler: The Optuna sampler that draws them.
        model: One of the models that they train.
    """
    wave = engine.wave
    if engine.name == "fit" or not learns_nothing(sampler):
        return wave
    # A model that isn't built yet has no weights to count.
    size = sum(math.prod(v.shape) for v in model.variables) * 4 * COPIES if model.built else ROOM
    return max(wave, min(MOST, int(ROOM // max(1, size))))


def learns_nothing(sampler: Any) -> bool:
    """Whether what it draws depends on no trial before."""
    from optuna.samplers import RandomSampler

    return isinstance(sampler, RandomSampler) or getattr(sampler, "learns_nothing", False)
