"""The lines that train the best trial again by hand."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.engines.trial import Job, TrialSpec
from keras_lr.engines.whole_settings import own_job
from keras_lr.rate import own_schedule
from keras_lr.tuner.compile_code import compile_arguments
from keras_lr.tuner.rule_text import rule_text

_NOT_SAID = ("name", "learning_rate", "inner_optimizer")


def spec_code(
    spec: TrialSpec,
    model: Any,
    job: Job,
    *,
    epochs: int | None = None,
    scheduled: Mapping[str, Any] | None = None,
) -> str:
    """Copyable lines that build, compile and train as a trial did; they run as they are.

    The data has the names that `tune` was given it under: `x`, `y`, `x_val` and so on.

    Args:
        spec: The trial.
        model: Its model, with its settings.
        job: What all trials had in common.
        epochs: Epochs to train; by default the job's.
        scheduled: Schedules of other settings, by `LearningRate`'s names for them.
    """
    import keras

    job = own_job(job, spec)
    builds = not isinstance(job.build_model, keras.Model)
    lines = [
        "import keras_lr  # before keras: it chooses the installed backend",
        "import keras",
        "",
    ]
    lines.append(f"keras.utils.set_random_seed({job.seed})  # the trials' weights and batches")
    if builds:
        name = getattr(job.build_model, "__name__", "build_model")
        name = name if name.isidentifier() else "build_model"
        told = ", ".join(f"{name}={value!r}" for name, value in spec.arguments.items())
        lines.append(f"model = {name}({told})")
    if spec.settings:
        arguments = [f"optimizer={_optimizer(model.optimizer)}", *compile_arguments(model)]
        lines += ["model.compile(", *(f"    {argument}," for argument in arguments), ")"]
    parts = []
    if spec.schedule is not None:
        parts.append(f"schedule={str(spec.schedule)!r}")
    parts += [f"{name}={str(schedule)!r}" for name, schedule in (scheduled or {}).items()]
    if spec.rules:
        told = ", ".join(f"keras_lr.rules.{rule_text(rule)}" for rule in spec.rules)
        parts.append(f"rules=[{told}]")
    lines += [
        "model.fit(",
        f"    {', '.join(_fit_arguments(job, epochs or job.epochs))},",
        f"    callbacks=[keras_lr.LearningRate({', '.join(parts)})],",
        ")",
    ]
    return "\n".join(lines)


def _fit_arguments(job: Job, epochs: int) -> list[str]:
    """The arguments of `fit`: the data by name, the rest by value."""
    found = ["x"] + ([] if job.y is None else ["y"]) + [f"epochs={epochs}"]
    for name, default in (
        ("batch_size", None),
        ("validation_split", 0.0),
        ("shuffle", True),
        ("steps_per_epoch", None),
        ("validation_steps", None),
        ("validation_batch_size", None),
    ):
        value = getattr(job, name)
        if value != default:
            found.append(f"{name}={_number(value)}")
    for name in ("sample_weight", "class_weight"):
        if getattr(job, name) is not None:
            found.append(f"{name}={name}")
    if isinstance(job.validation_data, tuple | list):
        held_out = ("x_val", "y_val", "sample_weight_val")[: len(job.validation_data)]
        found.append(f"validation_data=({', '.join(held_out)})")
    elif job.validation_data is not None:
        found.append("validation_data=validation_data")
    return found


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
