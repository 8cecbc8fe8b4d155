"""Warnings that point at the user's own line, such as the one that calls `fit`."""

import sys
import warnings
from pathlib import Path

import keras

import keras_lr

_NOT_THEIRS = tuple(
    f"{Path(package.__file__).parent.as_posix()}/"  # type: ignore[arg-type]
    for package in (keras, keras_lr)
)


def warn(message: str) -> None:
    """Warn of `message` at the nearest line that is neither Keras's nor keras-lr's.

    From a callback that is the line with `model.fit`. (`skip_file_prefixes` of Python 3.12 does it
    by itself.)

    Args:
        message: What is wrong, and what to write instead.
    """
    level, frame = 1, sys._getframe()
    while frame is not None and Path(frame.f_code.co_filename).as_posix().startswith(_NOT_THEIRS):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
