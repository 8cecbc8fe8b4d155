"""DATA on the command line: an `.npz`, a `.csv`, or a function that returns what `fit` takes."""

import inspect
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_lr.cli.reference import call_reference, is_reference, load_reference
from keras_lr.cli.table import read_csv
from keras_lr.engines.data_checks import check_data, check_validation
from keras_lr.errors import InvalidInput, nearest

_WAYS = (
    "DATA is an .npz file with arrays x and y (and x_val, y_val), a .csv file with --target COLUMN, "
    "or module:function."
)
_ARRAYS = ("x", "y", "x_val", "y_val")


@dataclass(frozen=True)
class Data:
    """What `fit` is given.

    Args:
        x: The inputs, in any form that `fit` takes.
        y: The targets; `None` where `x` holds them.
        validation_data: What `fit` calls that, or `None`.
        fit: Further arguments of `fit`.
        returned: What the user's function returned, if it is from one.
    """

    x: Any
    y: Any = None
    validation_data: Any = None
    fit: Mapping[str, Any] = field(default_factory=dict)
    returned: Any = None


def load_data(text: str, *, target: str | None, say: Callable[[str], None]) -> Data:
    """The data that DATA names, checked.

    Args:
        text: A path that ends in `.npz` or `.csv`, or `module:function`.
        target: `--target`, the target's column of a CSV file.
        say: Told in one line what is worth knowing.
    """
    path = Path(text)
    if is_reference(text) and not path.exists():
        _no_target(target, text)
        returned = call_reference(load_reference(text, "DATA"), text, "DATA")
        return _check(replace(from_returned(returned, text), returned=returned))
    if path.suffix not in (".npz", ".csv"):
        module, separator, name = text.partition(":")
        hint = f" Write {Path(module).stem}:{name}." if separator and module.endswith(".py") else ""
        raise InvalidInput(f"{_WAYS}{hint} Received: DATA {text}")
    if not path.is_file():
        raise InvalidInput(f"There is no file {text}. {_WAYS} Received: DATA {text}")
    if path.suffix == ".csv":
        if target is None:
            raise InvalidInput(
                f"Which column of {text} is the target? Add --target COLUMN. Received: DATA {text}"
            )
        return _check(Data(*read_csv(path, target, say)))
    _no_target(target, text)
    return _check(_from_npz(path))


def hold_out(data: Data, share: float, *, seed: int, say: Callable[[str], None]) -> Data:
    """Hold rows out for validation where the data brings none.

    Keras's own `validation_split` takes the last rows, which in a file sorted by class are all of
    one class; these are drawn at random.

    Args:
        data: The data.
        share: The share of the rows.
        seed: Of the draw.
        say: Told in one line what was held out.
    """
    if data.validation_data is not None or data.fit.get("validation_split"):
        return data
    if not isinstance(data.x, np.ndarray) or not isinstance(data.y, np.ndarray):
        raise InvalidInput(
            "Only arrays can be split here. Return validation data too: (x, y, validation_data), "
            "or {'x': dataset, 'validation_data': validation_dataset}. "
            f"Received: x of type {type(data.x).__name__}."
        )
    if "sample_weight" in data.fit:
        raise InvalidInput(
            "Data with sample_weight isn't split here. Return validation_data, or "
            "validation_split, beside it."
        )
    rows = len(data.x)
    held = round(share * rows)
    if not 0 < held < rows:
        raise InvalidInput(
            f"{share:g} of {rows} rows leaves nothing on one side. Received: "
            f"--validation-split {share:g}"
        )
    order = np.random.default_rng(seed).permutation(rows)
    out, kept = order[:held], order[held:]
    say(f"no validation data: {held} of {rows} rows, drawn at random, are held out")
    return replace(data, x=data.x[kept], y=data.y[kept], validation_data=(data.x[out], data.y[out]))


def from_returned(value: Any, text: str) -> Data:
    """What the user's function returned, as arguments of `fit`."""
    import keras

    if isinstance(value, Mapping):
        known = list(inspect.signature(keras.Model.fit).parameters)[1:]
        for key in value:
            if key not in known:
                raise InvalidInput(
                    f"{text} returned {key!r}, which isn't an argument of fit. "
                    f"{nearest(str(key), known)}"
                )
        if "x" not in value:
            raise InvalidInput(f"{text} returned no 'x'. Received: {sorted(map(str, value))}.")
        rest = {k: v for k, v in value.items() if k not in ("x", "y", "validation_data")}
        return Data(value["x"], value.get("y"), value.get("validation_data"), rest)
    if isinstance(value, tuple) and len(value) in (2, 3):
        validation = value[2] if len(value) == 3 else None
        if isinstance(validation, tuple | list) and len(validation) not in (2, 3):
            raise InvalidInput(
                f"{text} returned validation data of {len(validation)} part(s); write "
                "(x, y, (x_val, y_val))."
            )
        if validation is not None and isinstance(validation, np.ndarray):
            raise InvalidInput(
                f"{text} returned three arrays; write (x, y, (x_val, y_val)), or "
                "{'x': x, 'y': y, 'sample_weight': w}."
            )
        return Data(value[0], value[1], validation)
    if value is None or isinstance(value, list | tuple | str | int | float | np.ndarray):
        size = f" of {len(value)}" if isinstance(value, list | tuple) else ""
        raise InvalidInput(
            f"{text} must return what fit takes: (x, y), (x, y, (x_val, y_val)), or a dict of fit's "
            f"arguments. Received: {type(value).__name__}{size}."
        )
    return Data(value)  # a PyDataset, a tf.data.Dataset, a DataLoader: fit knows them


def _from_npz(path: Path) -> Data:
    if not zipfile.is_zipfile(path):
        raise InvalidInput(f"{path} isn't a NumPy archive. Write it with np.savez(path, x=x, y=y).")
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("one array, an .npy file under another name")
        with archive:
            names = list(archive.files)
            arrays = {name: archive[name] for name in names if name in _ARRAYS}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, AttributeError) as error:
        if "allow_pickle" in str(error) or "pickle" in str(error).lower():
            raise InvalidInput(
                f"{path} holds Python objects, which aren't loaded from a file. Save plain arrays: "
                "np.savez(path, x=x.astype('float32'), y=y)."
            ) from error
        raise InvalidInput(
            f"{path} isn't a NumPy archive ({type(error).__name__}). "
            "Write it with np.savez(path, x=x, y=y)."
        ) from error
    missing = [name for name in ("x", "y") if name not in arrays]
    if missing:
        raise InvalidInput(
            f"{path} has no array {missing[0]!r}. Write it with np.savez(path, x=x, y=y). "
            f"Received: arrays {', '.join(names) or 'none'}."
        )
    if ("x_val" in arrays) != ("y_val" in arrays):
        other = "y_val" if "x_val" in arrays else "x_val"
        raise InvalidInput(
            f"{path} has no array {other!r} beside its other half. "
            f"Received: arrays {', '.join(names)}."
        )
    validation = (arrays["x_val"], arrays["y_val"]) if "x_val" in arrays else None
    return Data(arrays["x"], arrays["y"], validation)


def _check(data: Data) -> Data:
    """Refuse arrays that no training can use."""
    check_data(data.x, data.y)
    check_validation(data.validation_data, names=("x_val", "y_val"))
    if isinstance(data.validation_data, tuple | list):
        x = data.validation_data[0]
        both = isinstance(data.x, np.ndarray) and isinstance(x, np.ndarray)
        if both and x.shape[1:] != data.x.shape[1:]:
            raise InvalidInput(
                f"x and x_val differ in shape: {data.x.shape} and {x.shape}. "
                "Only the first axis may differ."
            )
    return data


def _no_target(target: str | None, text: str) -> None:
    if target is not None:
        raise InvalidInput(f"--target names a column of a .csv file. Received: DATA {text}")
