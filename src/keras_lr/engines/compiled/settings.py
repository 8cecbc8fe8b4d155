"""Which settings of a trial are inputs of the program, and which decide what program it is."""

from collections.abc import Mapping
from typing import Any

from keras_lr.engines.compiled.inputs import pair
from keras_lr.engines.whole_settings import SMOOTHING
from keras_lr.rate import leaves

INPUTS = (
    "momentum",
    "beta_1",
    "beta_2",
    "rho",
    "weight_decay",
    "epsilon",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "adam_beta_1",
    "adam_beta_2",
    "adam_weight_decay",
    "adam_lr_ratio",
    "rms_rate",
    "muon_a",
    "muon_b",
    "muon_c",
    "beta",
    "l2_regularization_strength",
)
"""Settings that update rules compute with, and don't branch on except by asking for zero or `None`."""

CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")
"""Settings of which 0 means that there is none."""

ANY_MOMENTUM = ("SGD", "RMSprop", "Muon")
"""Keras optimizers that compute the same with momentum slots and a momentum of 0 as without any."""


def split(optimizer: Any, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`(inputs, structure)`: what may differ between trials of one program, and what may not.

    The learning rate is in neither: it always is an input.
    """
    inputs, structure = {}, {}
    for name, value in settings.items():
        if name == "learning_rate":
            continue
        (inputs if _is_input(optimizer, name, value) else structure)[name] = value
    return inputs, structure


def _is_input(optimizer: Any, name: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if name == SMOOTHING:
        return True  # only Keras's own losses are given any
    if name not in INPUTS or (name in CLIPPING and value == 0):
        return False
    holders = [leaf for leaf in leaves(optimizer) if name in vars(leaf)]
    stock = all(type(leaf).__module__.startswith("keras.") for leaf in holders)
    if not holders or not stock:
        return False  # somebody's own update rule may do anything with it
    if name == "momentum":
        return all(type(leaf).__name__ in ANY_MOMENTUM for leaf in holders) or value != 0
    return True


def representative(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values with which the program is built: with momentum, so that its slots exist."""
    return {name: (value or 0.5 if name == "momentum" else value) for name, value in inputs.items()}


def as_pairs(inputs: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """The inputs as `inputs.given` takes them."""
    return {name: pair(value) for name, value in inputs.items()}
