"""The custom objects in a model's config: where each is imported from, or why it can't be."""

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from keras_lr.engines import internals
from keras_lr.engines.portable import private
from keras_lr.engines.portable.errors import NotPortable
from keras_lr.engines.portable.paths import import_path

BOUND = {
    "TorchModuleWrapper": "torch",
    "TFSMLayer": "TensorFlow",
    "JaxLayer": "JAX",
    "FlaxLayer": "JAX",
}
"""Keras's layers that wrap code of one backend."""


def custom_objects(config: Any, model: Any) -> dict[str, str]:
    """Of each custom object in a config: the name that Keras looks for, and its import path.

    Args:
        config: What Keras's serialization gave, compile settings included.
        model: The model that it came from; functions are looked up in it, since Keras writes
            their names only.

    Raises:
        NotPortable: One is code, belongs to one backend, or can't be imported.
    """
    functions = _functions(model)
    found: dict[str, str] = {}
    for member in _members(config):
        kind, module = member["class_name"], member.get("module")
        if kind == "__lambda__":
            raise NotPortable(
                "the model holds a lambda (a Lambda layer, a loss or a metric), and code doesn't "
                "travel"
            )
        if kind in BOUND and str(module).partition(".")[0] == "keras":
            raise NotPortable(f"the model holds a {kind}, which runs on {BOUND[kind]} only")
        if kind == "function":
            name = member["config"]
            thing = functions.get(name) or private.registered(name)
            if thing is None and private.is_builtin_function(name):
                continue
        elif kind.startswith("__") or str(module).partition(".")[0] == "keras":
            continue
        else:
            name = member.get("registered_name") or kind
            thing = private.registered(name) or _class(module, kind)
        if thing is None:
            raise NotPortable(
                f"{name} isn't found in a module (register it with "
                "@keras.saving.register_keras_serializable(), in a module of its own)"
            )
        path = import_path(thing)
        if found.setdefault(name, path) != path:
            raise NotPortable(f"{name} is the name of two custom objects, {found[name]} and {path}")
    for name, function in functions.items():
        # Keras would write the name alone, and read its own function.
        if private.is_builtin_function(name) and name not in found:
            path = import_path(function).replace(">", ".")
            raise NotPortable(f"{path} has the name of a function of Keras (rename it)")
    return found


def _class(module: str | None, name: str) -> Any:
    # Keras writes no module for what is defined in the script itself.
    return getattr(sys.modules.get(module or "__main__"), name, None)


def _members(config: Any) -> Iterator[Mapping[str, Any]]:
    """Every description of an object in a config."""
    if isinstance(config, Mapping):
        if isinstance(config.get("class_name"), str) and "config" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list | tuple):
        for member in config:
            yield from _members(member)


def _functions(model: Any) -> dict[str, Any]:
    """The functions in layers, losses and metrics that aren't Keras's, by name."""
    from keras import tree

    compiled = tree.flatten(list(private.compile_arguments(model).values()))
    holders = [*internals.all_layers(model), *compiled]
    found = {}
    for holder in holders:
        inside = [holder, *getattr(holder, "__dict__", {}).values()]
        for value in inside:
            if isinstance(value, FunctionType) and not value.__module__.startswith("keras."):
                found[private.registered_name(value)] = value
    return found
