"""Where a model's variables are, and which of them a layer or a pattern covers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput, nearest


@dataclass(frozen=True)
class Address:
    """Where one trainable variable of a model is.

    Args:
        variable: The variable.
        ways: The layers that it is in, from the model down to the layer that has it; several where
            a layer is shared.
    """

    variable: Any
    ways: tuple[tuple[Any, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """By each way the names of the layers below the model, and the variable's, such as
        "backbone/conv1/kernel"."""
        return tuple("/".join([*_names(way[1:]), self.variable.name]) for way in self.ways)

    @property
    def lasting(self) -> str:
        """The end of the variable's path that saving and loading a model keeps.

        A path may begin with the names of the models around a layer, or not, depending on how the
        model came to be built; those of the layers around it stay.
        """
        owners = self.ways[0]
        models = [index for index, owner in enumerate(owners) if _is_model(owner)]
        inside = owners[models[-1] + 1 if models else 0 :]
        kept = [*_names(inside), self.variable.name]
        path = self.variable.path.split("/")
        while kept and path[-len(kept) :] != kept:
            kept = kept[1:]
        return "/".join(kept)


def addresses(model: Any) -> list[Address]:
    """Of each trainable variable of a model, in the model's order.

    Raises:
        InvalidInput: The model isn't built, or has nothing to train.
    """
    found: dict[int, list[tuple[Any, ...]]] = {}

    def walk(layer: Any, owners: tuple[Any, ...]) -> None:
        if layer in owners:
            return
        owners = (*owners, layer)
        for variable in layer._trainable_variables:
            found.setdefault(id(variable), []).append(owners)
        for inner in dict.fromkeys(layer._layers):
            walk(inner, owners)

    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(
            "The layers are those of a model. Write per_layer(optimizer, rates, model=model). "
            f"Received: model={model!r}."
        )
    walk(model, ())
    variables = model.trainable_variables
    if not variables:
        raise InvalidInput(
            "The model has no trainable variables yet, so there is nothing to give a rate to. Begin "
            "it with keras.Input(shape), or call model.build(input_shape), before. "
            f"Received: model={model.name!r}."
        )
    return [Address(each, tuple(found.get(id(each), [(model,)]))) for each in variables]


def covers(key: Any, address: Address) -> bool:
    """Whether a layer, a pattern, or one of several holds a variable.

    A pattern is a regular expression of whole parts of the address, or of the variable's `path`:
    "dense" is in "backbone/dense/kernel" and "dense/bias", not in "dense_1/kernel".
    """
    if isinstance(key, tuple):
        return any(covers(each, address) for each in key)
    if isinstance(key, str):
        pattern = rf"(?:^|/)(?:{key})(?:/|$)"
        return any(re.search(pattern, text) for text in (*address.names, address.variable.path))
    return any(owner is key for way in address.ways for owner in way)


def check_key(key: Any, found: Iterable[Address], model: Any) -> None:
    """Refuse what covers no trainable variable of the model.

    Raises:
        InvalidInput: It is neither a layer nor a pattern, isn't in the model, or has nothing to
            train.
    """
    import keras

    found = list(found)
    if isinstance(key, tuple) and key:
        for each in key:
            check_key(each, found, model)
    elif isinstance(key, str):
        _check_pattern(key, found)
    elif not isinstance(key, keras.layers.Layer):
        raise InvalidInput(
            "rates maps layers, or patterns of their names, to factors. Write e.g. "
            '{"backbone": 0.1, model.layers[-1]: 1.0}, or a tuple of them. '
            f"Received: {key!r} as a key."
        )
    elif not any(covers(key, address) for address in found):
        inside = key in model._flatten_layers()
        problem = (
            "has no trainable variables, so it needs no rate; leave it out"
            if inside
            else "isn't in the model. Take it from model.layers or model.get_layer(name)"
        )
        raise InvalidInput(f"The layer {label(key)} {problem}. Received: model={model.name!r}.")


def label(key: Any) -> str:
    """A key in words."""
    if isinstance(key, tuple):
        return ", ".join(label(each) for each in key)
    return repr(getattr(key, "name", key))


def _check_pattern(key: str, found: list[Address]) -> None:
    try:
        re.compile(key)
    except re.error as error:
        raise InvalidInput(
            f"A pattern is a regular expression, and this one can't be read: {error}. "
            f"Received: {key!r}."
        ) from error
    if not any(covers(key, address) for address in found):
        known = {owner.name for address in found for way in address.ways for owner in way[1:]}
        known |= {names for address in found for names in address.names} if "/" in key else set()
        raise InvalidInput(
            f"{key!r} matches no trainable variable of the model. {nearest(key, known)} A pattern "
            'is a regular expression of whole parts of a path: "block_1", "block_[0-3]", ".*/bias".'
        )


def _names(owners: Iterable[Any]) -> list[str]:
    return [owner.name for owner in owners]


def _is_model(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.Model)
