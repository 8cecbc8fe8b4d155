"""Cooldown around any schedule, and the warmup-stable-decay schedule made of the two."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import RAMPS, after, between, check_ramp, left
from keras_lr.schedules.checks import number
from keras_lr.schedules.constant import Constant
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Cooldown(Schedule):
    """Multiply the last part of the run by a fall from 1 to `end`, which comes after the last step.

    Args:
        schedule: What is cooled down; it goes on underneath.
        length: Steps, "20%" of the run, or "5 epochs"; 0 for none.
        shape: "linear", "cosine" or "1-sqrt" (Hägele et al., 2024).
        end: What the fall ends at, as a part (0 to 1) of the schedule's value.
        stop: The step at which it ends; `None` is the end of the run.

    >>> Constant().cooldown(4).resolve(steps=10)([0, 6, 8, 10])
    array([1. , 1. , 0.5, 0. ])
    """

    lengths = ("length", "stop")
    example = "exponential(0.8, every=20%) | cooldown(30%, shape=1-sqrt, end=0.1)"

    schedule: Schedule
    length: Length
    _: KW_ONLY
    shape: str = "linear"
    end: float = 0.0
    stop: Length | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        object.__setattr__(self, "length", tidy_length(self.length, "Cooldown's length"))
        check_ramp(self.shape, "Cooldown", ("linear", "cosine", "1-sqrt"))
        object.__setattr__(self, "end", number(self.end, "Cooldown", "end", most=1.0))
        stop = tidy_length(self.stop, "Cooldown's stop", least=1, optional=True)
        object.__setattr__(self, "stop", stop)

    def formula(self, step: Any, xp: Any) -> Any:
        """The schedule times the fall."""
        value = self.schedule.formula(step, xp)
        length: int = self.length  # type: ignore[assignment]
        if length == 0:
            return value
        begin: int = self.stop - length  # type: ignore[assignment,operator]
        share = RAMPS[self.shape](left(after(step, begin, xp), length, xp), xp)
        return between(self.end, 1.0, share, xp) * value

    def lay(self, horizon: Horizon, room: int) -> "Cooldown":
        """The cooldown at the end of the room, the whole room to the schedule.

        Raises:
            InvalidInput: A warmup and the cooldown need more steps than there are.
        """
        stop = room if self.stop is None else resolve_length(self.stop, horizon, "stop")
        length = resolve_length(self.length, horizon, "length")
        inner = self.schedule.lay(horizon, room)
        if isinstance(self.length, str) and inner.lead() + length == stop + 1:
            length -= 1
        if inner.lead() + length > stop:
            lead = f"a warmup of {inner.lead()} steps and " if inner.lead() else ""
            raise InvalidInput(
                f"{lead}a cooldown of {length} steps don't fit into {stop} steps. "
                f"Shorten one, e.g. .cooldown('20%'). Received: {self}."
            )
        return replace(self, schedule=inner, length=length, stop=max(stop, 1))

    def span(self) -> int | None:
        """It is over where the cooldown ends at 0, or the schedule does too."""
        stop: int = self.stop  # type: ignore[assignment]
        inner = self.schedule.span()
        if self.length == 0:
            return inner
        if self.end == 0:
            return stop
        return None if inner is None else max(inner, stop)

    def lead(self) -> int:
        """The schedule's."""
        return self.schedule.lead()


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
        shape: Of the fall: "linear", "cosine" or "1-sqrt".
        start: Factor at step 0.
        end: Factor at the end.

    >>> warmup_stable_decay(2, 4).resolve(steps=10)([0, 1, 2, 6, 8, 10])
    array([0. , 0.5, 1. , 1. , 0.5, 0. ])
    """
    return Constant().warmup(warmup, start=start).cooldown(decay, shape, end=end)
