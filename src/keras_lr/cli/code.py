"""The lines that load MODEL and DATA as the command did, before those that train."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_lr.cli.reference import is_reference

_SPLIT = """order = np.random.default_rng({seed}).permutation(len(x))
out, kept = order[:{held}], order[{held}:]
x_val, y_val, x, y = x[out], y[out], x[kept], y[kept]"""


def runnable(
    code: str, model: str, data: str, *, target: str | None, given: Any, held: int, seed: int
) -> str:
    """A study's lines with what the names in them are: they run as they are.

    Args:
        code: `Study.code()`.
        model: MODEL, as it was written.
        data: DATA, as it was written.
        target: `--target`.
        given: What DATA gave, before rows were held out (`keras_lr.cli.data.Data`).
        held: How many rows the command held out; 0 where DATA brought its own.
        seed: Of that.
    """
    imports, lines = _model(model)
    more, loaded = _data(data, target, given)
    imports += more
    lines += loaded
    if held:
        lines += _SPLIT.format(held=held, seed=seed).splitlines()
    if (
        len(imports) == 2
        and (both := [line.split(" import ") for line in imports])[0][0] == both[1][0]
    ):
        imports = [f"{imports[0]}, {both[1][1]}"]
    if any("np." in line for line in lines):
        imports.append("import numpy as np")
    head, _, rest = code.partition("\n\n")
    imports.sort(key=lambda line: line.startswith("from "))
    return "\n".join([head, *imports, "", *lines, "", rest])


def _model(text: str) -> tuple[list[str], list[str]]:
    if _is_function(text):
        module, _, name = text.partition(":")
        return [f"from {module} import {name}"], []
    return [], [f"model = keras.saving.load_model({text!r})"]


def _data(text: str, target: str | None, given: Any) -> tuple[list[str], list[str]]:
    if _is_function(text):
        module, _, name = text.partition(":")
        return [f"from {module} import {name}"], _returned(f"{name}()", given)
    if text.endswith(".csv"):
        return (
            ["from keras_lr.cli.table import read_csv"],
            [f"x, y = read_csv({text!r}, {target!r})"],
        )
    names = ["x", "y", *(["x_val", "y_val"] if given.validation_data is not None else [])]
    taken = ", ".join(f"data[{name!r}]" for name in names)
    return [], [f"data = np.load({text!r})", f"{', '.join(names)} = {taken}"]


def _returned(call: str, given: Any) -> list[str]:
    """What the user's function returned, by the names that `fit` has in the code."""
    held_out = given.validation_data
    if isinstance(held_out, tuple | list):
        parts = ", ".join(("x_val", "y_val", "sample_weight_val")[: len(held_out)])
        validation = f"({parts})"
    else:
        validation = "validation_data"
    if isinstance(given.returned, Mapping):
        lines = [f"data = {call}"]
        for name in given.returned:
            if name in ("x", "y", "sample_weight", "class_weight", "validation_data"):
                value = validation if name == "validation_data" and held_out is not None else name
                lines.append(f"{value} = data[{name!r}]")
        return lines
    if isinstance(given.returned, tuple):
        names = ["x", "y", validation][: len(given.returned)]
        return [f"{', '.join(names)} = {call}"]
    return [f"x = {call}"]


def _is_function(text: str) -> bool:
    return is_reference(text) and not Path(text).exists()
