"""The lines that train the best trial again by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.trial import TrialSpec
from keras_lr.rate import own_schedule
from keras_lr.tuner.rule_text import rule_text
from keras_lr.tuner.space import Space

_NOT_SAID = ("name", "learning_rate", "inner_optimizer")


def best_code(
    params: Mapping[str, Any],
    space: Space,
    optimizer: Any,
    *,
    epochs: int,
    batch_size: int | None,
    builds: bool = True,
) -> str:
    """Copyable `compile(...)` and `fit(...)` lines.

    Args:
        params: The trial's.
        space: Which of them are settings of the optimizer.
        optimizer: That of the trial's own model, with the trial's settings.
        epochs: Of the study.
        batch_size: Of the study.
        builds: Whether the study was given a function that builds the model.
    """
    spec = space.spec(params, whole=True)
    return spec_code(spec, optimizer, epochs=epochs, batch_size=batch_size, builds=builds)


def spec_code(
    spec: TrialSpec,
    optimizer: Any,
    *,
    epochs: int,
    batch_size: int | None,
    builds: bool = True,
    scheduled: Mapping[str, Any] | None = None,
) -> str:
    """The same of a trial that is known.

    Args:
        spec: The trial.
        optimizer: See `best_code`; and `epochs`, `batch_size`, `builds`.
        scheduled: Schedules of other settings, by `LearningRate`'s names for them.
    """
    lines = ["import keras", "import keras_lr", ""]
    if builds:
        told = ", ".join(f"{name}={value!r}" for name, value in spec.arguments.items())
        lines.append(f"model = build_model({told})")
    if spec.settings:
        lines.append(f"model.compile(optimizer={_optimizer(optimizer)}, loss=..., metrics=...)")
    parts = []
    if spec.schedule is not None:
        parts.append(f"schedule={str(spec.schedule)!r}")
    parts += [f"{name}={str(schedule)!r}" for name, schedule in (scheduled or {}).items()]
    if spec.rules:
        told = ", ".join(f"keras_lr.rules.{rule_text(rule)}" for rule in spec.rules)
        parts.append(f"rules=[{told}]")
    size = "" if batch_size is None else f", batch_size={batch_size}"
    callback = f"keras_lr.LearningRate({', '.join(parts)})"
    lines.append(f"model.fit(x, y, epochs={epochs}{size}, callbacks=[{callback}])")
    return "\n".join(lines)


def _optimizer(optimizer: Any) -> str:
    """An optimizer as code: its rate, and whatever isn't a default."""
    if hasattr(optimizer, "optimizers"):
        return f"keras.optimizers.MultiOptimizer({_members(optimizer)})"
    inner = getattr(optimizer, "inner_optimizer", None)
    first = f"learning_rate={_rate(optimizer)}" if inner is None else _optimizer(inner)
    try:
        made = type(optimizer)() if inner is None else type(optimizer)(type(inner)())
        default = made.get_config()
    except (TypeError, ValueError):
        default = {}
    said = [
        f"{name}={_number(value)}"
        for name, value in optimizer.get_config().items()
        if name not in _NOT_SAID and (name not in default or value != default[name])
    ]
    return f"{_name(optimizer)}({', '.join([first, *said])})"


def _members(optimizer: Any) -> str:
    chosen = optimizer._optimizer_map
    if not hasattr(chosen, "default_optimizer"):
        return "..."  # a function of the user's chooses them
    named = ", ".join(f"{name!r}: {_optimizer(chosen[name])}" for name in chosen)
    default = _optimizer(chosen.default_optimizer)
    return f"keras.optimizers.OptimizerMap({default}, {{{named}}})"


def _rate(leaf: Any) -> str:
    import keras

    own = own_schedule(leaf)
    if own is None:
        # Single precision is what the optimizer holds, in as many digits as tell it apart.
        return str(float(str(np.float32(leaf.get_config()["learning_rate"]))))
    if not isinstance(own, keras.optimizers.schedules.LearningRateSchedule):
        return "..."  # a function of the user's
    told = ", ".join(
        f"{name}={_number(value)}" for name, value in own.get_config().items() if name != "name"
    )
    return f"{_name(own, 'keras.optimizers.schedules')}({told})"


def _name(thing: Any, module: str = "keras.optimizers") -> str:
    name = type(thing).__name__
    return f"{module}.{name}" if type(thing).__module__.startswith("keras.") else name


def _number(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)
