"""Warmup around any schedule."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import RAMPS, after, between, check_ramp, done
from keras_lr.schedules.checks import number
from keras_lr.schedules.foreign import as_schedule
from keras_lr.schedules.horizon import Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Warmup(Schedule):
    """Rise to the schedule's first value, then the schedule, shifted, over the rest of the run.

    At step 0 the factor is start × first value, at step `length` the first value; as in optax's
    `warmup_cosine_decay_schedule` and the schedules of Hugging Face's transformers.

    Args:
        schedule: What follows the warmup.
        length: Steps, "5%" of the run, or "2 epochs"; 0 for none.
        shape: "linear" or "cosine".
        start: Where the rise begins, as a part (0 to 1) of the schedule's first value.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=4).warmup(2)([0, 1, 2, 3, 4, 6])
    array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.  ])
    """

    lengths = ("length",)
    example = "cosine(end=0.1) | warmup(10%, start=0.1)"

    schedule: Schedule
    length: Length
    _: KW_ONLY
    shape: str = "linear"
    start: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "schedule", as_schedule(self.schedule))
        object.__setattr__(self, "length", tidy_length(self.length, "Warmup's length"))
        check_ramp(self.shape, "Warmup", ("linear", "cosine"))
        object.__setattr__(self, "start", number(self.start, "Warmup", "start", most=1.0))

    def formula(self, step: Any, xp: Any) -> Any:
        """The ramp times the shifted schedule, which stays at its first value until it starts."""
        length: int = self.length  # type: ignore[assignment]
        value = self.schedule.formula(after(step, length, xp), xp)
        if length == 0:
            return value
        share = RAMPS[self.shape](done(step, length, xp), xp)
        return between(self.start, 1.0, share, xp) * value

    def lay(self, horizon: Horizon, room: int) -> "Warmup":
        """The warmup first, what it leaves of the room to the schedule.

        Raises:
            InvalidInput: The two need more steps than there are.
        """
        length = resolve_length(self.length, horizon, "length")
        if isinstance(self.length, str) and length in (room, room + 1):
            length = max(room - 1, 0)  # a share never takes all of a short run by rounding
        if length > room:
            raise InvalidInput(
                f"The warmup of {self} takes {length} steps, but only {room} are there. "
                f"Shorten it, e.g. .warmup('5%'). Received: length={self.length!r}."
            )
        inner = self.schedule.lay(horizon, room - length)
        span = inner.span()
        if span is not None and length + span > room:
            raise InvalidInput(
                f"The warmup of {length} steps and what follows it of {span} need "
                f"{length + span} steps, but only {room} are there. Write length={room - length} "
                "after the warmup, or leave the length out: it then fills the rest. "
                f"Received: {self}."
            )
        return replace(self, schedule=inner, length=length)

    def span(self) -> int | None:
        """The warmup's steps and the schedule's."""
        inner = self.schedule.span()
        return None if inner is None else self.length + inner  # type: ignore[operator,return-value]

    def lead(self) -> int:
        """The warmup's steps."""
        return self.length + self.schedule.lead()  # type: ignore[operator,return-value]
