"""The lines that train a stored study's trial again, where neither model nor data are at hand."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_lr.tuner.rule_text import NONE


def stored_code(study: Any, trial: Any) -> str:
    """Lines to copy; what the storage doesn't know is left to be written.

    Args:
        study: A `StoredStudy` or `StoredPopulation`.
        trial: Its trial.
    """
    about = study.about
    params, schedules = _trained(study, trial)
    settings = {name: v for name, v in params.items() if name in study._space.settings}
    texts = str([study.space.get(name) for name in ("schedule", "rules")])
    taken = {name for name in params if re.search(rf"\{{{name}\W", texts)}
    known = {*settings, *taken, "schedule", "rules", "batch_size", "label_smoothing"}
    arguments = _said({name: value for name, value in params.items() if name not in known})
    optimizer = about.get("optimizer") or "..."
    parts = [f"{name}={text!r}" for name, text in schedules.items()]
    rules = _filled("rules", params)
    if rules != NONE:
        parts.append(f"rules=[{', '.join(f'keras_lr.rules.{r}' for r in rules.split(' + '))}]")
    batch_size = params.get("batch_size", about.get("batch_size"))
    fit = [f"epochs={about['epochs']}"]
    fit += [] if batch_size is None else [f"batch_size={batch_size}"]
    lines = [
        "import keras_lr  # before keras: it chooses the installed backend",
        "import keras",
        "",
        f"keras.utils.set_random_seed({about.get('seed', 0)})  # the trials' weights and batches",
        f"model = build_model({arguments})  # the study's own",
        f"model.compile(keras.optimizers.{optimizer}({_said(settings)}), loss=...)",
        f"model.fit(x, y, {', '.join(fit)},",
        f"    callbacks=[keras_lr.LearningRate({', '.join(parts)})])",
    ]
    if about.get("horizon"):
        lines.insert(
            3, f"# Trials of {about['epochs']} epochs, for {about['horizon']}: tune() has the rate."
        )
    return "\n".join(lines)


def _trained(study: Any, trial: Any) -> tuple[Mapping[str, Any], dict[str, str]]:
    """What a trial was trained with, and the texts of its schedules."""
    if hasattr(study, "copies"):
        root = study._root(trial.number)
        others = {name: str(path) for name, path in study._settings(trial.number).items()}
        return {**root.settings, **root.arguments}, {
            "schedule": str(study.path(trial.number)),
            **others,
        }
    schedule = _filled("schedule", trial.params)
    return trial.params, {} if schedule == NONE else {"schedule": schedule}


def _filled(name: str, params: Mapping[str, Any]) -> str:
    return str(params.get(name, NONE)).format(**params)


def _said(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_number(value)}" for name, value in values.items())


def _number(value: Any) -> str:
    return str(float(str(np.float32(value)))) if isinstance(value, float) else repr(value)
