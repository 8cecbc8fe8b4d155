"""What can be measured of a step in progress: sums over all weights, as tensors."""

from collections.abc import Sequence
from typing import Any


def squared_distance(weights: Sequence[Any], others: Sequence[Any]) -> Any:
    """‖θ − θ'‖², in single precision.

    Args:
        weights: Tensors.
        others: As many, of the same shapes.
    """
    import keras

    ops = keras.ops
    return _total(
        [ops.sum(ops.square(_f32(a) - _f32(b))) for a, b in zip(weights, others, strict=True)]
    )


def squared_norm(weights: Sequence[Any]) -> Any:
    """‖θ‖², in single precision."""
    import keras

    return _total([keras.ops.sum(keras.ops.square(_f32(weight))) for weight in weights])


def alignment(gradients: Sequence[Any], weights: Sequence[Any], before: Sequence[Any]) -> Any:
    """⟨g, u⟩ / (‖g‖ ‖u‖) with u = θ_before − θ: 1 goes on as before, −1 takes it back.

    NaN where a norm is 0.

    Args:
        gradients: Of the update in progress, as it will use them; dense.
        weights: Where they were taken.
        before: The weights before the last update.
    """
    import keras

    ops = keras.ops
    updates = [_f32(old) - _f32(now) for old, now in zip(before, weights, strict=True)]
    gradients = [_f32(gradient) for gradient in gradients]
    product = _total([_dot(g, u) for g, u in zip(gradients, updates, strict=True)])
    lengths = ops.sqrt(_total([_dot(g, g) for g in gradients])) * ops.sqrt(
        _total([_dot(u, u) for u in updates])
    )
    # Each norm apart: the product of the squares leaves single precision much sooner.
    measured = ops.isfinite(lengths) & (lengths > 0)
    return ops.where(measured, product / ops.where(measured, lengths, 1.0), float("nan"))


def _total(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _dot(one: Any, other: Any) -> Any:
    import keras

    return keras.ops.sum(one * other)


def _f32(tensor: Any) -> Any:
    import keras

    return keras.ops.cast(tensor, "float32")
