"""Gradient norm, weight norm and update/weight ratio, of everything and of groups of variables."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_lr.callbacks.monitoring.arguments import LAYERS
from keras_lr.errors import InvalidInput
from keras_lr.optimizers.addresses import Address, addresses, check_key, covers
from keras_lr.rate.detection.norms import Measured

Members = Mapping[str, list[tuple[int, int]]]
"""Name of a group to its variables: which leaf, and which of the leaf's."""

REST = "rest"
"""The name of the group of what no key of a mapping covers."""


def grouped(
    groups: Any, model: Any, weights: Sequence[Sequence[Any]], names: Sequence[str]
) -> Members:
    """The groups of a model's variables.

    Args:
        groups: `None` for the members of a `MultiOptimizer` (nothing for one optimizer), "layer",
            or a mapping from names to layers, patterns of their names, or tuples of these. The
            first key that covers a variable has it; what none covers is "rest".
        model: The model, built.
        weights: The variables of each leaf.
        names: The name of each leaf.

    Raises:
        InvalidInput: Something in the mapping covers nothing.
    """
    if groups is None:
        if len(weights) < 2:
            return {}
        return {
            name: [(leaf, at) for at in range(len(mine))]
            for leaf, (name, mine) in enumerate(zip(names, weights, strict=True))
            if mine
        }
    place = {
        id(weight): (leaf, at)
        for leaf, mine in enumerate(weights)
        for at, weight in enumerate(mine)
    }
    found: dict[str, list[tuple[int, int]]] = {}
    known = [each for each in addresses(model) if id(each.variable) in place]
    if groups != LAYERS:
        for name, key in groups.items():
            _check(name, key, known, model)
    for address in known:
        name = _layer(address) if groups == LAYERS else _first(groups, address)
        found.setdefault(name, []).append(place[id(address.variable)])
    return found


def norms(
    measured: Sequence[Measured | None], groups: Members, names: Sequence[str]
) -> dict[str, float]:
    """The statistics of these names, of all variables, and of each group as `NAME/GROUP`.

    Where weights are all 0 there is no ratio.
    """
    found: dict[str, float] = {}
    there = [each.squares.sum(axis=1) for each in measured if each is not None]
    if there:
        found.update(_told("", np.sum(there, axis=0), names))
    for name, places in groups.items():
        parts = [each.squares[:, at] for leaf, at in places if (each := measured[leaf]) is not None]
        if parts:
            found.update(_told(f"/{name}", np.sum(parts, axis=0), names))
    return found


def _told(end: str, squares: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    gradient, weight, change = (math.sqrt(each) for each in squares)
    ratio = change / weight if weight else None
    values = {"gradient_norm": gradient, "weight_norm": weight, "update_ratio": ratio}
    return {f"{name}{end}": value for name in names if (value := values[name]) is not None}


def _check(name: Any, key: Any, known: list[Address], model: Any) -> None:
    if not isinstance(name, str):
        raise InvalidInput(
            'groups maps names to layers or patterns: groups={"head": model.layers[-1]}. '
            f"Received: {name!r} as a name."
        )
    layers = key if isinstance(key, tuple) and key else (key,)
    if not all(isinstance(each, str | keras.layers.Layer) for each in layers):
        raise InvalidInput(
            "A group is a layer, a pattern of names, or a tuple of these: "
            f'groups={{"head": model.layers[-1]}}. Received: {key!r} for {name!r}.'
        )
    check_key(key, known, model)


def _layer(address: Address) -> str:
    """The layer that has the variable, by the names from the model down to it."""
    return address.names[0].rpartition("/")[0] or address.names[0]


def _first(groups: Mapping[str, Any], address: Address) -> str:
    return next((name for name, key in groups.items() if covers(key, address)), REST)
