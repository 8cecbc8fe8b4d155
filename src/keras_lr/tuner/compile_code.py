"""What a model was compiled with, as code: loss, metrics and the rest of `compile`'s arguments."""

import json
from typing import Any

import numpy as np

_DEFAULTS = {
    "loss_weights": None,
    "metrics": None,
    "weighted_metrics": None,
    "run_eagerly": False,
    "steps_per_execution": 1,
}


def compile_arguments(model: Any) -> list[str]:
    """The arguments of `compile` beside the optimizer, each as `name=code`.

    Args:
        model: A compiled model. Of one with a `compile` of its own, `loss=...` is all that is
            known.
    """
    import keras

    if type(model).compile is not keras.Model.compile:
        return ["loss=...", "metrics=..."]
    given = model._compile_config.config
    found = [f"loss={code_of(given.get('loss'))}"]
    for name, default in _DEFAULTS.items():
        value = given.get(name, default)
        if value != default and value not in (None, []):
            found.append(f"{name}={code_of(value)}")
    # "auto" has become a yes or a no by now: said only where it can't have become this one.
    auto = False if model.run_eagerly else model._resolve_auto_jit_compile()
    if given.get("jit_compile") not in (None, auto):
        found.append(f"jit_compile={given['jit_compile']}")
    return found


def code_of(value: Any) -> str:
    """A loss, a metric, a number, or lists and dictionaries of them, as Python.

    Objects of Keras are written with the settings that aren't their defaults, functions and
    objects of the user's by their names.
    """
    import keras

    if isinstance(value, list | tuple):
        inner = ", ".join(code_of(each) for each in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner},)"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {code_of(each)}" for name, each in value.items()) + "}"
    if isinstance(value, keras.losses.Loss):
        return _call(value, "keras.losses")
    if isinstance(value, keras.metrics.Metric):
        return _call(value, "keras.metrics")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, np.generic):
        return repr(value.item())
    if callable(value):
        name = getattr(value, "__name__", "...")
        known = value is getattr(keras.losses, name, None)
        return f"keras.losses.{name}" if known else "..." if name == "<lambda>" else name
    return repr(value)


def _call(thing: Any, module: str) -> str:
    kind = type(thing)
    name = kind.__name__
    if not kind.__module__.startswith("keras."):
        return f"{name}(...)"
    config = {k: v for k, v in thing.get_config().items() if k != "dtype"}
    try:
        default = kind().get_config()
    except TypeError:
        default = {}
    changed = {k: v for k, v in config.items() if k not in default or v != default[k]}
    if any(isinstance(value, dict) for value in changed.values()):
        return f"{module}.{name}(...)"
    told = ", ".join(f"{k}={v!r}" for k, v in changed.items())
    return f"{module}.{name}({told})"
