"""The lines that train the best trial again by hand."""

from collections.abc import Mapping
from typing import Any

from keras_lr.rate import leaves
from keras_lr.tuner.space import NONE, Space, rule_text


def best_code(
    params: Mapping[str, Any], space: Space, optimizer: Any, *, epochs: int, batch_size: int | None
) -> str:
    """Copyable `compile(...)` and `fit(...)` lines.

    Args:
        params: The trial's.
        space: Which of them are settings of the optimizer.
        optimizer: The model's optimizer.
        epochs: Of the study.
        batch_size: Of the study.
    """
    spec = space.spec(params)
    lines = ["import keras", "import keras_lr", ""]
    if spec.arguments:
        told = ", ".join(f"{name}={value!r}" for name, value in spec.arguments.items())
        lines.append(f"model = build_model({told})")
    if spec.settings:
        lines.append(
            f"model.compile(optimizer={_optimizer(optimizer, spec.settings)}, loss=..., metrics=...)"
        )
    parts = []
    if params.get("schedule", NONE) != NONE:
        parts.append(f"schedule={params['schedule']!r}")
    if spec.rules:
        told = ", ".join(f"keras_lr.rules.{rule_text(rule)}" for rule in spec.rules)
        parts.append(f"rules=[{told}]")
    size = "" if batch_size is None else f", batch_size={batch_size}"
    callback = f"keras_lr.LearningRate({', '.join(parts)})"
    lines.append(f"model.fit(x, y, epochs={epochs}{size}, callbacks=[{callback}])")
    return "\n".join(lines)


def _optimizer(optimizer: Any, settings: Mapping[str, Any]) -> str:
    found = leaves(optimizer)
    if len(found) != 1:
        told = ", ".join(f"{name}={_number(value)}" for name, value in settings.items())
        return f"...)  # every member of its MultiOptimizer with {told}"
    leaf = found[0]
    try:
        default = type(leaf)().get_config()
        own = {
            name: value
            for name, value in leaf.get_config().items()
            if name in default and value != default[name] and name not in ("name", "learning_rate")
        }
    except (TypeError, ValueError):
        own = {}
    first = {name: settings[name] for name in ("learning_rate",) if name in settings}
    told = {**first, **own, **settings}
    text = ", ".join(f"{name}={_number(value)}" for name, value in told.items())
    code = f"keras.optimizers.{type(leaf).__name__}({text})"
    if hasattr(optimizer, "inner_optimizer"):
        code = f"keras.optimizers.{type(optimizer).__name__}({code})"
    return code


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
