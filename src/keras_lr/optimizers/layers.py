"""Rates by depth: mappings for `per_layer`, from the first layer to the last."""

from collections.abc import Sequence
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules import Length, Piecewise, Schedule
from keras_lr.schedules.checks import plain_number, shown
from keras_lr.schedules.horizon import tidy_length


def layerwise_decay(
    model: Any, decay: float, *, layers: Sequence[Any] | None = None
) -> dict[Any, float]:
    """Factors that fall by `decay` from each layer to the one below it: decay^(layers above it).

    The last layer, the head, has the factor 1.

    Args:
        model: A built model.
        decay: Above 0, at most 1; 0.65 to 0.9 for transformers.
        layers: The layers in order, from the first to the last: names or patterns, layers, or
            tuples of them, which count as one. `None` takes the model's layers that have something
            to train, those of models inside it too.

    Returns:
        A mapping for `per_layer`.

    Raises:
        InvalidInput: `decay` is out of range, or the model's layers aren't known.

    Source: timm's `param_groups_layer_decay`, as BEiT has it (Bao et al., 2021, "BEiT: BERT
    Pre-Training of Image Transformers"); first in ELECTRA (Clark et al., 2020).
    """
    decay = _positive(decay, "decay")
    if decay > 1:
        raise InvalidInput(
            "decay is the factor from a layer to the one below it, at most 1. Write e.g. "
            f"layerwise_decay(model, 0.8). Received: decay={decay!r}."
        )
    order = _order(model, layers)
    return {key: decay ** (len(order) - 1 - index) for index, key in enumerate(order)}


def discriminative(
    model: Any, lo: float, hi: float = 1.0, *, layers: Sequence[Any] | None = None
) -> dict[Any, float]:
    """Factors spread evenly, on a log scale, from `lo` at the first layer to `hi` at the last.

    Args:
        model: A built model.
        lo: The first layer's factor of the optimizer's rate, above 0.
        hi: The last layer's.
        layers: As for `layerwise_decay`.

    Returns:
        A mapping for `per_layer`.

    Raises:
        InvalidInput: A factor isn't positive, or the model's layers aren't known.

    Source: fastai's `Learner.lr_range` for `slice(lo, hi)`; discriminative rates are from Howard &
    Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018).
    """
    lo, hi = _positive(lo, "lo"), _positive(hi, "hi")
    order = _order(model, layers)
    last = len(order) - 1
    return {
        key: hi * (lo / hi) ** ((last - index) / max(last, 1)) for index, key in enumerate(order)
    }


def gradual_unfreezing(
    model: Any, every: Length = "1 epoch", *, layers: Sequence[Any] | None = None
) -> dict[Any, Schedule | float]:
    """Train the last layer first; let the one below it join after `every`, and so on.

    Args:
        model: A built model.
        every: Steps, "1 epoch", or "10%" of the run.
        layers: As for `layerwise_decay`.

    Returns:
        A mapping for `per_layer`, whose schedules `keras_lr.LearningRate` lays out.

    Raises:
        InvalidInput: `every` is no length, or so long a share that layers are left over.

    Source: Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018).
    """
    every = tidy_length(every, "every", least=1)  # type: ignore[assignment]
    order = _order(model, layers)
    last = len(order) - 1
    if isinstance(every, str) and every.endswith("%") and last * float(every[:-1]) >= 100:
        raise InvalidInput(
            f"{len(order)} layers don't join within the run at every={every!r}. Write at most "
            f'every="{99 / last:.2g}%", or fewer layers=[...].'
        )
    return {
        key: 1.0 if index == last else unfreeze(_multiple(every, last - index))
        for index, key in enumerate(order)
    }


def unfreeze(at: Length) -> Schedule:
    """Frozen until `at`: a factor of 0, and from there on of 1.

    Args:
        at: Steps, "2 epochs", or "30%" of the run.

    >>> unfreeze(10)([0, 9, 10])
    array([0., 0., 1.])
    """
    return Piecewise([at], [0.0, 1.0])  # type: ignore[arg-type]


def freeze(at: Length) -> Schedule:
    """Frozen from `at` on: a factor of 1, and from there on of 0.

    Args:
        at: Steps, "2 epochs", or "30%" of the run.

    >>> freeze(10)([0, 9, 10])
    array([1., 1., 0.])
    """
    return Piecewise([at], [1.0, 0.0])  # type: ignore[arg-type]


def _order(model: Any, layers: Sequence[Any] | None) -> list[Any]:
    """The layers, first to last."""
    if layers is not None:
        found = list(layers) if isinstance(layers, list | tuple) else []
        if not found:
            raise InvalidInput(
                "layers is a list of names or layers, from the first to the last. Write e.g. "
                f'layers=["embedding", "block_0", "block_1", "head"]. Received: {shown(layers)}.'
            )
        return found
    import keras

    if not isinstance(model, keras.Model):
        raise InvalidInput(
            "The layers are those of a model, built. Write e.g. "
            "layerwise_decay(model, 0.8), or name them: layers=[...]. "
            f"Received: model={shown(model)}."
        )
    if not model.trainable_variables:
        raise InvalidInput(
            "The model has no trainable variables yet, so its layers can't be ordered. Begin it "
            "with keras.Input(shape), or call model.build(input_shape), before. "
            f"Received: model={model.name!r}."
        )
    if model._trainable_variables:
        raise InvalidInput(
            "The model has weights of its own beside its layers' "
            f"({model._trainable_variables[0].name!r}), so how deep they are isn't known. Write the "
            'order: layers=[("embedding", "' + model._trainable_variables[0].name + '"), ..., '
            f'"head"]. Received: model={model.name!r}.'
        )
    return list(dict.fromkeys(_flat(model)))


def _flat(model: Any) -> list[Any]:
    """The layers that train, in the model's order; those of a model inside it in its place."""
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model) and not layer._trainable_variables:
            found += _flat(layer)
        elif layer.trainable_variables:
            found.append(layer)
    return found


def _multiple(length: Length, times: int) -> Length:
    """So many times a length that is in its canonical way."""
    if isinstance(length, int):
        return length * times
    if length.endswith("%"):
        return f"{float(length[:-1]) * times}%"
    number, unit = length.split()
    return f"{float(number) * times} {unit}"


def _positive(value: Any, name: str) -> float:
    number = plain_number(value)
    if number is None or not 0 < number < float("inf"):
        raise InvalidInput(
            f"{name} is a factor of the optimizer's rate, above 0. Write e.g. {name}=0.1. "
            f"Received: {name}={shown(value)}."
        )
    return number
