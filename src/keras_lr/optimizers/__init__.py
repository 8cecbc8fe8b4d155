"""Optimizers: stock Keras ones, made with the arguments that people know, and one rate a layer."""

from typing import TYPE_CHECKING, Any

from keras_lr.lazy import load as _load
from keras_lr.optimizers.layers import (
    discriminative,
    freeze,
    gradual_unfreezing,
    layerwise_decay,
    unfreeze,
)
from keras_lr.optimizers.per_layer import per_layer
from keras_lr.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "PerLayer",
    "discriminative",
    "freeze",
    "gradual_unfreezing",
    "layerwise_decay",
    "per_layer",
    "unfreeze",
]

if TYPE_CHECKING:
    from keras_lr.optimizers.grouped import PerLayer


def __getattr__(name: str) -> Any:
    if name == "PerLayer":  # its module imports Keras
        return _load("keras_lr.optimizers.grouped:PerLayer")
    raise AttributeError(f"module 'keras_lr.optimizers' has no attribute {name!r}")
