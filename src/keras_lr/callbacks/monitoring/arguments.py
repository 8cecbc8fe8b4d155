"""The arguments of `LearningRateMonitor`, checked before anything trains."""

import importlib.util
import inspect
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras

from keras_lr.errors import InvalidInput, MissingExtra, nearest
from keras_lr.rate import SETTINGS, attributes, leaves
from keras_lr.rate.detection.statistics import STATISTICS
from keras_lr.schedules.checks import shown

DEFAULT = ("momentum", "weight_decay", "batch_size")
"""Settings that are logged if there are any."""

LAYERS = "layer"
"""What `groups` says for a group a layer."""


def checked_settings(given: Any) -> tuple[str, ...]:
    """Names of settings."""
    found = _several(given)
    if found is None or not all(isinstance(name, str) for name in found):
        raise InvalidInput(
            "settings are names of what to log beside the rate. Write e.g. "
            'settings=("momentum", "weight_decay"), or settings=() for the rate alone. '
            f"Received: settings={given!r}."
        )
    return found


def checked_statistics(names: Any) -> tuple[str, ...]:
    """Names of statistics."""
    found = _several(names)
    if found is None:
        raise InvalidInput(
            f"statistics are among {', '.join(STATISTICS)}. Write e.g. "
            f'statistics=("alignment",). Received: statistics={names!r}.'
        )
    for name in found:
        if name not in STATISTICS:
            raise InvalidInput(
                f"statistics are among {', '.join(STATISTICS)}. {nearest(str(name), STATISTICS)} "
                f"Received: {name!r}."
            )
    return found


def checked_every(every: Any) -> int | None:
    """Updates of an interval; `None` for an epoch."""
    if every == "epoch":
        return None
    if isinstance(every, int) and not isinstance(every, bool) and every >= 1:
        return every
    raise InvalidInput(
        'every is "epoch", or a number of updates, at least 1. Write every=100. '
        f"Received: every={every!r}."
    )


def checked_groups(groups: Any) -> Any:
    """`None`, "layer", or a mapping; whether a model has what it names is seen in `fit`."""
    if groups is None or groups == LAYERS or (isinstance(groups, Mapping) and groups):
        return groups
    raise InvalidInput(
        'groups is "layer", or a mapping from names to layers or patterns of their names: '
        'groups={"encoder": "block_[0-3]", "head": model.layers[-1]}. '
        f"Received: groups={shown(groups)}."
    )


def checked_place(argument: str, path: Any) -> Path | None:
    """A path of the user's, or `None`."""
    if path is None:
        return None
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        example = "run.jsonl" if argument == "record" else "logs"
        raise InvalidInput(
            f"{argument} is a path. Write {argument}={example!r}. Received: {argument}={path!r}."
        )
    return Path(path)


def check_tensorboard() -> None:
    """Refuse to write for TensorBoard without the package that does."""
    if importlib.util.find_spec("tensorboardX") is None:
        raise MissingExtra("LearningRateMonitor(tensorboard=...)", "tensorboard", "tensorboardX")


def setting_attributes(optimizer: Any, names: Iterable[str]) -> dict[str, list[str | None]]:
    """The attribute that each leaf has for each setting; `None` for a leaf that has none.

    Raises:
        InvalidInput: A name is neither that of a Keras optimizer's argument nor an attribute here.
    """
    found = {name: _attributes(optimizer, name) for name in names if name != "batch_size"}
    for name, each in found.items():
        if not any(each) and name not in _known():
            raise InvalidInput(
                f"The optimizer has no {name!r} to log. {nearest(name, _known())} "
                f"Received: settings={tuple(names)!r}."
            )
    return found


def _known() -> set[str]:
    """What Keras's own optimizers can be made with, and what is no optimizer's."""
    kinds = [
        kind
        for kind in vars(keras.optimizers).values()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    ]
    named = {name for kind in kinds for name in inspect.signature(kind).parameters}
    return {*DEFAULT, *named} - {"kwargs", "name", "learning_rate"}


def _several(given: Any) -> tuple[Any, ...] | None:
    """One or several as a tuple; `None` for what is neither."""
    if isinstance(given, str):
        return (given,)
    return tuple(given) if isinstance(given, Iterable) else None


def _attributes(optimizer: Any, name: str) -> list[str | None]:
    found = leaves(optimizer)
    if name in SETTINGS:
        try:
            return attributes(optimizer, name)
        except InvalidInput:  # none of them has it
            return [None for _ in found]
    return [name if hasattr(leaf, name) else None for leaf in found]
