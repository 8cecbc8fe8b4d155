"""The values that a space gives a setting: refused where a trial could do nothing with them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_lr.engines.data_checks import as_array
from keras_lr.engines.models import check_setting
from keras_lr.engines.whole_settings import check_whole_setting
from keras_lr.errors import InvalidInput
from keras_lr.rate import check_rate
from keras_lr.tuner.ranges import LogUniform

_SHOWN = 8
"""So many values are written out in an error."""


def check_values(name: str, given: Any, values: Sequence[Any], optimizer: Any | None) -> None:
    """Refuse what a setting can't be.

    Args:
        name: The setting.
        given: What the space has for it.
        values: The choices in it, or the ends of the range that it is.
        optimizer: Whose setting it is; `None` for one beside the optimizer's, as `batch_size`.

    Raises:
        InvalidInput: Several choices that aren't a list, or a value that can't be.
    """
    if isinstance(given, tuple | set | frozenset) or getattr(given, "shape", ()):
        raise no_list(name, given)
    for value in values:
        if optimizer is None:
            check_whole_setting(name, value)
        elif name == "learning_rate":
            _check_single(name, given, _rate(value))
        else:
            check_setting(optimizer, name, value)
            if isinstance(given, LogUniform):
                _check_single(name, given, value)


def no_list(name: str, given: Any) -> InvalidInput:
    """The error for several values that are no list, and so would count as one."""
    if isinstance(given, range):
        told = f"list({given!r})"
        if given.step == 1 and len(given) > 1:
            told += f" or keras_lr.Integers({given[0]}, {given[-1]})"
    else:
        alone = isinstance(given, tuple | set | frozenset)
        values = list(given) if alone else as_array(given).ravel().tolist()
        told = repr(values) if 0 < len(values) <= _SHOWN else "[0.1, 0.01]"
    return InvalidInput(
        f"Several choices for {name!r} are a list. Write {name!r}: {told}. "
        f"Received: a {type(given).__name__}."
    )


def _rate(value: Any) -> float:
    """A rate as a float; what is none is refused with a line that fits a space."""
    try:
        return check_rate(value)
    except InvalidInput as error:
        line = "'learning_rate': keras_lr.LogUniform(1e-4, 1.0) or 'learning_rate': [0.1, 0.01]"
        if callable(value):
            line = "'schedule': ['cosine()'], since a schedule has its own place in a space"
        raise InvalidInput(
            "A learning_rate of the space must be a positive number, and finite. "
            f"Received: {value!r} (of type {type(value).__name__}). Write e.g. {line}."
        ) from error


def _check_single(name: str, given: Any, value: float) -> None:
    """Refuse what becomes zero or infinite in single precision, in which optimizers keep it."""
    single = np.finfo(np.float32)
    least, most = float(single.tiny), float(single.max)
    if not least <= value <= most:
        told = repr(given) if isinstance(given, LogUniform) else repr(value)
        raise InvalidInput(
            f"{name} is kept in single precision (float32), which holds {least:.3g} to {most:.3g}. "
            f"Write e.g. {name!r}: keras_lr.LogUniform(1e-6, 1.0). Received: {told}."
        )
