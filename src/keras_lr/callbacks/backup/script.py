"""What a script says of a run besides its schedules and rules: the batches and the optimizer."""

from collections.abc import Mapping
from typing import Any

import keras

from keras_lr.rate.running import samples_per_batch

_UNTOLD = (
    "name",
    "module",
    "registered_name",
    "build_config",
    "compile_config",
    "shared_object_id",
)
_RATE = "learning_rate"


def take(model: Any) -> dict[str, Any]:
    """What it says, before training has begun, as plain data.

    Args:
        model: A compiled model, in its `fit`.
    """
    return {
        "batch_size": samples_per_batch(model),
        "optimizer": _settings(model.optimizer),
        "updates": _updates(model.optimizer),
    }


def differences(was: Mapping[str, Any], now: Mapping[str, Any], *, rate: bool = True) -> list[str]:
    """What another script says of the optimizer, in words.

    Args:
        was: What `take` gave in the run that was saved.
        now: What it gives now.
        rate: Compare the rate too.
    """
    one, other = was["optimizer"], now["optimizer"]
    if one is None or other is None:
        return []
    # One that has trained since, in the same process, has the rate that training left.
    rate = rate and was["updates"] == now["updates"]
    return [
        f"{path} was {one.get(path)!r} and is {other.get(path)!r}"
        for path in dict.fromkeys((*one, *other))
        if one.get(path) != other.get(path) and (rate or _RATE not in path)
    ]


def _updates(optimizer: Any) -> int | None:
    iterations = getattr(optimizer, "iterations", None)
    return None if iterations is None else int(keras.ops.convert_to_numpy(iterations))


def _settings(optimizer: Any) -> dict[str, Any] | None:
    try:
        config = keras.saving.serialize_keras_object(optimizer)
    except Exception:  # an optimizer of the user's that can't be written down
        return None
    found: dict[str, Any] = {}
    _flatten(config, "", found)
    return found


def _flatten(value: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in _UNTOLD:
                inner = path if key == "config" else f"{path}.{key}" if path else str(key)
                _flatten(each, inner, found)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            _flatten(each, f"{path}[{index}]", found)
    elif isinstance(value, bool | int | float | str) or value is None:
        found[path.replace("class_name", "class") or "optimizer"] = value
