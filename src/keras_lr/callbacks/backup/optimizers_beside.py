"""The optimizers of a model beside the one that it was compiled with: those of a GAN, say."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_lr.errors import InvalidInput
from keras_lr.rate.leaves import chain
from keras_lr.state import variables


def beside(model: Any) -> dict[str, Any]:
    """Each optimizer in an attribute of the model or one of its layers, by where it is.

    They are found where Keras's saving finds them: in attributes, and in lists, tuples and
    dictionaries there.
    """
    seen = {id(each) for each in chain(model.optimizer)}
    found = {}
    layers = model._flatten_layers()
    for number, layer in enumerate(layers):
        for name, value in vars(layer).items():
            if name.startswith("_self_"):  # TensorFlow's own list of what a model holds, or held
                continue
            for place, optimizer in _within(value, name):
                if id(optimizer) not in seen:
                    seen.update(id(each) for each in chain(optimizer))
                    found[place if number == 0 else f"{number}:{place}"] = optimizer
    return found


def take(model: Any, optimizers: Mapping[str, Any]) -> dict[str, Any]:
    """Their variables, and which of the model's they train."""
    places = {id(each): index for index, each in enumerate(model.variables)}
    return {
        name: {
            "variables": variables.take(optimizer.variables),
            "trains": [places.get(id(each), -1) for each in _trained(optimizer)],
        }
        for name, optimizer in optimizers.items()
    }


def prepare(model: Any, optimizers: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """Build those that the saved ones were, and compare all.

    Raises:
        InvalidInput: The model has others than the saved one.
    """
    if set(optimizers) != set(saved):
        raise InvalidInput(
            f"The backup's model had {_named(saved)} beside the one that it was compiled with, and "
            f"this one has {_named(optimizers)}. Build the model as it was, or delete the backup's "
            "folder to start anew."
        )
    for name, optimizer in optimizers.items():
        trains = saved[name]["trains"]
        if trains and not optimizer.built:
            if min(trains) < 0 or max(trains) >= len(model.variables):
                raise InvalidInput(
                    f"The optimizer {name} trains variables that aren't the model's, so it can't be "
                    "put back before it is built. Build it before fit: "
                    f"model.{name}.build(variables)."
                )
            optimizer.build([model.variables[index] for index in trains])
        variables.check(
            f"optimizer ({name})",
            variables.match(optimizer.variables, saved[name]["variables"]),
        )


def assign(optimizers: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    """Put the saved values back."""
    for name, optimizer in optimizers.items():
        variables.match(optimizer.variables, saved[name]["variables"]).assign()


def _within(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, keras.optimizers.Optimizer):
        yield place, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _within(each, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _within(each, f"{place}[{index}]")


def _trained(optimizer: Any) -> list[Any]:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return list(getattr(inner, "_trainable_variables", ()) or ()) if optimizer.built else []


def _named(optimizers: Mapping[str, Any]) -> str:
    return f"the optimizers {', '.join(optimizers)}" if optimizers else "no optimizer"
