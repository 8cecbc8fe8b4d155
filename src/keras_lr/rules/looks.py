"""When a rule looks, and how it counts the time between looks: in epochs, looks or updates.

A whole number means epochs, as everywhere in Keras. A rule that looks every `n` updates has three
things that could be meant, so there the unit is written: `"20 looks"`, `"1000 steps"`, `"3 epochs"`.
"""

import re
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

from keras_lr.errors import InvalidInput
from keras_lr.rules.rule import Observation
from keras_lr.schedules.horizon import tidy_length

Time = int | str
"""A whole number of epochs, or a text such as "2000 steps"."""

_LOOKS = re.compile(r"\s*([0-9]{1,9})\s*looks?\s*")


@dataclass(frozen=True)
class Amount:
    """A time in the unit in which it is counted.

    Args:
        number: How many.
        unit: `"look"` (an observation), `"step"` (an update) or `"epoch"`.
    """

    number: int
    unit: Literal["look", "step", "epoch"]

    def passed(self, step: int, epoch: int, seen: Observation) -> int:
        """What has passed of the unit since a look.

        Steps and epochs are counted from 0 in each fit, so a smaller number begins a new one.

        Args:
            step: Updates done at the last look.
            epoch: The epoch of the last look.
            seen: This look.
        """
        if self.unit == "step":
            return seen.step - step if seen.step > step else seen.step
        if self.unit == "epoch":
            return seen.epoch - epoch if seen.epoch >= epoch else seen.epoch + 1
        return 1


def tidy_time(
    value: Any, name: str, *, every: int | None, least: int = 0, owner: str = "Plateau"
) -> Time:
    """A time checked, and written in its one canonical way.

    Args:
        value: A whole number of epochs, or text.
        name: The argument, for errors.
        every: Updates between two looks; `None` where a look is an epoch's end.
        least: The smallest number allowed.
        owner: The rule, for errors.

    Raises:
        InvalidInput: It is no time, too short, or could mean two things.

    >>> tidy_time(3, "patience", every=None), tidy_time("3 epochs", "patience", every=None)
    (3, 3)
    >>> tidy_time(" 2000 step ", "patience", every=None), tidy_time("20 looks", "patience", every=50)
    ('2000 steps', '20 looks')
    """
    amount = _parse(value, name, owner)
    if amount.number < least:
        example = 5 if every is None else '"5 looks"'
        raise InvalidInput(
            f"{name} must be at least {least}. Received: {name}={value!r}. "
            f"Write e.g. {name}={example}."
        )
    if every is None:
        if isinstance(value, str) and amount.unit == "look":
            raise InvalidInput(
                f"Without every= a look is an epoch's end: write {name}={amount.number}. "
                f"Received: {name}={value!r}."
            )
        return amount.number if amount.unit != "step" else _text(amount)
    if not isinstance(value, str) and amount.number:
        n = amount.number
        raise InvalidInput(
            f'With every={every} say what {name} counts: {name}="{n} looks" ({n * every} updates), '
            f'"{n} epochs", or "{n * every} steps". Received: {name}={value!r}.'
        )
    return _text(amount) if amount.number else 0


def amount_of(time: Time, every: int | None) -> Amount:
    """A canonical time as what is counted; without `every`, epochs are looks."""
    amount = _parse(time, "time", "")
    return Amount(amount.number, "look") if every is None and amount.unit == "epoch" else amount


def check_every(every: Any, monitor: str) -> int | None:
    """`every` as a whole number of updates, or `None`.

    Raises:
        InvalidInput: It isn't one, or the rule would wait for a validation metric in mid-epoch.
    """
    if every is None:
        return None
    count = isinstance(every, Integral) and not isinstance(every, bool)
    if not count or every < 1:
        raise InvalidInput(
            "every must be a whole number of updates, at least 1, or None for epochs' ends. "
            f"Received: every={every!r}. Write e.g. every=50."
        )
    every = int(every)
    if isinstance(monitor, str) and monitor.startswith("val_"):
        raise InvalidInput(
            f"{monitor!r} comes once an epoch, so a rule can't look at it every {every} updates. "
            f"Write every=None, or watch {monitor.removeprefix('val_')!r}. "
            f"Received: every={every!r}."
        )
    return every


def _parse(value: Any, name: str, owner: str) -> Amount:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return Amount(int(value), "epoch")
    if not isinstance(value, str):
        raise _refusal(value, name)
    if match := _LOOKS.fullmatch(value):
        return Amount(int(match[1]), "look")
    try:
        length = tidy_length(value, name)
    except InvalidInput:
        raise _refusal(value, name) from None
    if isinstance(length, int):
        return Amount(length, "step")
    digits, _, unit = str(length).partition(" ")
    if unit.startswith("epoch") and digits.isdigit():
        return Amount(int(digits), "epoch")
    if unit.startswith("epoch"):
        raise InvalidInput(
            f'{name} counts whole epochs; write it in steps: {name}="500 steps". '
            f"Received: {name}={value!r}."
        )
    raise InvalidInput(
        f"{owner} doesn't know how long the run is, nor how many samples a batch has. Write "
        f'{name}="3 epochs" or "2000 steps". Received: {name}={value!r}.'
    )


def _text(amount: Amount) -> str:
    return f"{amount.number} {amount.unit}{'' if amount.number == 1 else 's'}"


def _refusal(value: Any, name: str) -> InvalidInput:
    return InvalidInput(
        f"{name} must be a whole number of epochs, or a text such as '2000 steps' or '3 epochs'. "
        f"Received: {name}={value!r}."
    )
