"""The variables of a model, its optimizer and its metrics, as data; matched when they are put back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.state.snapshot import as_numpy

_SHOWN = 4
"""Differences that an error names."""


@dataclass(frozen=True)
class Match:
    """Which saved values go into which variables, and which don't fit.

    Args:
        pairs: Each variable with its saved value.
        differences: What doesn't match, in words.
        rate_added: The model's optimizer has a number as its rate, where the saved one had none.
        rate_dropped: The saved optimizer had a number as its rate, and the model's has none.
    """

    pairs: list[tuple[Any, Any]]
    differences: list[str]
    rate_added: bool = False
    rate_dropped: bool = False

    def assign(self) -> None:
        """Put the saved values back."""
        for variable, value in self.pairs:
            variable.assign(value)


def take(variables: Sequence[Any]) -> list[dict[str, Any]]:
    """Each variable's path and value."""
    return [{"path": each.path, "value": as_numpy(each).copy()} for each in variables]


def match(variables: Sequence[Any], saved: Sequence[Mapping[str, Any]]) -> Match:
    """Match variables to saved ones, in order, by shape, type and path.

    Numbers in the paths are Keras's count of layers in the process, and aren't compared. Whether an
    optimizer's rate is a variable depends on whether it was built with a number or a schedule; a
    rate that only one side has doesn't move what comes after it.
    """
    ours, theirs = list(variables), list(saved)
    rates = (_rates(each.path for each in ours), _rates(each["path"] for each in theirs))
    added = dropped = False
    if len(rates[0]) != len(rates[1]):
        added, dropped = bool(rates[0]), bool(rates[1])
        ours = [each for i, each in enumerate(ours) if i not in rates[0]]
        theirs = [each for i, each in enumerate(theirs) if i not in rates[1]]
    differences = [
        f"{told(each)} is {told_saved(one)} in the backup"
        for each, one in zip(ours, theirs, strict=False)
        if described(each) != described_saved(one)
    ]
    differences += [f"{told(each)} isn't in the backup" for each in ours[len(theirs) :]]
    differences += [f"the backup's {told_saved(one)} has no place" for one in theirs[len(ours) :]]
    pairs = [(each, one["value"]) for each, one in zip(ours, theirs, strict=False)]
    return Match(pairs, differences, added, dropped)


def check(what: str, found: Match) -> None:
    """Refuse a backup of another model or optimizer.

    Raises:
        InvalidInput: Something doesn't match; it names the first differences.
    """
    if found.differences:
        more = len(found.differences) - _SHOWN
        listed = "; ".join(found.differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise InvalidInput(
            f"The backup is of another {what}: {listed}. Build and compile the model as it was, or "
            "delete the backup's folder to start anew."
        )


def described(variable: Any) -> tuple[str, tuple[int, ...], str]:
    """What two variables have in common that hold the same thing."""
    return _general(variable.path), tuple(variable.shape), str(variable.dtype)


def described_saved(saved: Mapping[str, Any]) -> tuple[str, tuple[int, ...], str]:
    """The same of a saved one."""
    value = saved["value"]
    return _general(saved["path"]), tuple(value.shape), value.dtype.name


def told(variable: Any) -> str:
    """A variable in words."""
    return f"{variable.path} {tuple(variable.shape)} {variable.dtype}"


def told_saved(saved: Mapping[str, Any]) -> str:
    """A saved one in words."""
    return f"{saved['path']} {tuple(saved['value'].shape)} {saved['value'].dtype.name}"


def _general(path: str) -> str:
    """A path without the numbers that Keras counts up in a process.

    >>> _general("sequential_3/dense_12/kernel"), _general("adam/sequential_dense_1_kernel_momentum")
    ('sequential/dense/kernel', 'adam/sequential_dense_kernel_momentum')
    """
    return re.sub(r"_\d+(?=/|_|$)", "", path)


def _rates(paths: Any) -> list[int]:
    return [index for index, path in enumerate(paths) if path.endswith("/learning_rate")]
