"""Cooldown around any schedule, and the warmup-stable-decay schedule made of the two."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import COOLDOWNS, after, between, check_ramp, done, left
from keras_lr.schedules.checks import number
from keras_lr.schedules.explain import times
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.marks import Mark
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.shapes.constant import Constant
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Cooldown(Transform):
    """Multiply the last part of the run, or a part from any step on, by a fall from 1 to `end`.

    The fall has reached `end` one step after its last, and stays there. The schedule goes on
    underneath; `.hold(start)` before it freezes the schedule where the cooldown begins.

    Args:
        schedule: What is cooled down; it may be running already.
        length: Steps, "20%" of the run, or "5 epochs".
        shape: With p the share of the cooldown that is done: "linear", 1 − p; "cosine",
            (1 + cos πp)/2; "1-sqrt", 1 − √p (Hägele et al., 2024); "1-square", 1 − p²;
            "exponential", 2·0.5^p − 1 (Megatron).
        end: What the fall ends at, as a part (0 to 1) of the schedule's value. The fall f is
            lifted to end + (1 − end)·f, so that it arrives there without a jump.
        start: The step at which it begins; `None` is `length` before the end of the run.

    >>> Constant().cooldown(4).resolve(steps=10)([0, 6, 8, 10])
    array([1. , 1. , 0.5, 0. ])
    >>> Constant().cooldown(4, start=2)([0, 2, 4, 6, 99])
    array([1. , 1. , 0.5, 0. , 0. ])
    """

    lengths = ("length", "start")
    example = "exponential(0.8, every=20%) | cooldown(30%, shape=1-sqrt, end=0.1)"

    length: Length
    _: KW_ONLY
    shape: str = "linear"
    end: float = 0.0
    start: Length | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        length = tidy_length(self.length, "Cooldown's length", least=1)
        object.__setattr__(self, "length", length)
        check_ramp(self.shape, "Cooldown", tuple(COOLDOWNS))
        object.__setattr__(self, "end", number(self.end, "Cooldown", "end", most=1.0))
        start = tidy_length(self.start, "Cooldown's start", optional=True)
        object.__setattr__(self, "start", start)

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule times the fall."""
        return self._fall(step, xp) * self.schedule.formula(step, xp)

    def _fall(self, step: Any, xp: Any) -> Any:
        length: int = self.length  # type: ignore[assignment]
        since = after(step, self.start, xp)  # type: ignore[arg-type]
        share = left(since, length, xp)
        share = COOLDOWNS[self.shape](share, done(since, length, xp), xp)
        return between(self.end, 1.0, share, xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The cooldown at its start, or at the end of the room; the whole room to the schedule.

        Raises:
            InvalidInput: A warmup and the cooldown need more steps than there are.
        """
        length = resolve_length(self.length, horizon, "length")
        if self.start is not None:
            start = resolve_length(self.start, horizon, "start")
            # A schedule in steps may be longer than the run that the cooldown brings to its end.
            laid = self.schedule.missing() is None
            inner = self.schedule if laid else self.schedule.lay(horizon, room)
            return replace(self, schedule=inner, length=max(length, 1), start=start)
        inner = self.schedule.lay(horizon, room)
        if isinstance(self.length, str) and inner.lead() + length == room + 1:
            length -= 1
        if inner.lead() + length > room:
            rest = room - inner.lead()
            both = f"A warmup of {inner.lead()} steps and a cooldown of {length} don't fit"
            alone = f"A cooldown of {length} steps doesn't fit"
            fit = f"Write at most .cooldown({rest})" if rest > 0 else "Shorten the warmup"
            raise InvalidInput(
                f"{both if inner.lead() else alone} into {room} steps. {fit}. Received: {self}."
            )
        if length == 0:
            return inner
        return replace(self, schedule=inner, length=length, start=room - length)

    def span(self) -> int | None:
        """It is over where the cooldown ends at 0, or the schedule does too."""
        stop = self.goal()
        inner = self.schedule.span()
        if self.end == 0:
            return stop
        return None if inner is None else max(inner, stop)

    def goal(self) -> int:
        """The cooldown's end."""
        return min(self.start + self.length, MOST_STEPS)  # type: ignore[operator]

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The fall, which a schedule at 0 has too."""
        return times(float(self._fall(np.int64(step), np)))

    def note(self, step: int) -> str:
        """How far the cooldown is."""
        since, length = step - self.start, self.length  # type: ignore[operator]
        if since < 0:
            return f"from step {self.start} on"
        return f"step {since} of {length}" if since < length else "over"  # type: ignore[operator]

    def marks(self) -> list[Mark]:
        """Its start, and the schedule's as long as something is left of it."""
        stop: int = self.start + self.length  # type: ignore[assignment,operator]
        inner = [mark for mark in self.schedule.marks() if self.end > 0 or mark.step <= stop]
        return [*inner, Mark(self.start, "cooldown")]  # type: ignore[arg-type]


def warmup_stable_decay(
    warmup: Length = "5%",
    decay: Length = "20%",
    *,
    shape: str = "linear",
    start: float = 0.0,
    end: float = 0.0,
) -> Schedule:
    """Warm up, stay at 1, cool down: `Constant().warmup(warmup).cooldown(decay)`.

    Hu et al., "MiniCPM" (2024); Hägele et al. (2024) for the shape "1-sqrt".

    Args:
        warmup: Length of the rise; 0 for none.
        decay: Length of the fall at the end of the run.
        shape: Of the fall, as in `Cooldown`.
        start: Factor at step 0.
        end: Factor at the end.

    >>> warmup_stable_decay(2, 4).resolve(steps=10)([0, 1, 2, 6, 8, 10])
    array([0. , 0.5, 1. , 1. , 0.5, 0. ])
    """
    stable: Schedule = Constant()
    if tidy_length(warmup, "warmup") not in (0, "0%", "0 epochs", "0 samples"):  # tidy zeros
        stable = stable.warmup(warmup, start=start)
    return stable.cooldown(decay, shape, end=end)
