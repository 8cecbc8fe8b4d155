"""Warmup around any schedule."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import WARMUPS, after, between, check_ramp, done, fill, left
from keras_lr.schedules.checks import number, positive
from keras_lr.schedules.explain import times
from keras_lr.schedules.horizon import MOST_STEPS, Horizon, Length, resolve_length, tidy_length
from keras_lr.schedules.marks import Mark, shifted
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule
from keras_lr.schedules.transforms.transform import Transform


@register
@dataclass(frozen=True)
class Warmup(Transform):
    """Rise to the schedule's first value, then the schedule, shifted, over the rest of the run.

    At step 0 the factor is start × first value, at step `length` the first value; as in optax's
    `warmup_cosine_decay_schedule` and the schedules of Hugging Face's transformers. (For a warmup
    that multiplies a schedule which runs underneath it, as DeepSpeed's and pytorch_warmup's do,
    write a product: `Linear(0, 1, length=100) * Cosine()`.)

    Args:
        schedule: What follows the warmup.
        length: Steps, "5%" of the run, or "2 epochs".
        shape: With p the share of the warmup that is done: "linear", p; "cosine",
            (1 − cos πp)/2; "1-sqrt", 1 − √(1 − p); "log", log(1 + step)/log(1 + length), as
            DeepSpeed's `WarmupLR`.
        power: The shape is taken to this power; "linear" with 2 is TensorFlow's `PolynomialWarmUp`.
        start: Where the rise begins, as a part (0 to 1) of the schedule's first value.

    >>> from keras_lr.schedules import Linear
    >>> Linear(length=4).warmup(2)([0, 1, 2, 3, 4, 6])
    array([0.  , 0.5 , 1.  , 0.75, 0.5 , 0.  ])
    """

    lengths = ("length",)
    example = "cosine(end=0.1) | warmup(10%, start=0.1)"

    length: Length
    _: KW_ONLY
    shape: str = "linear"
    power: float = 1.0
    start: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        length = tidy_length(self.length, "Warmup's length", least=1)
        object.__setattr__(self, "length", length)
        if isinstance(self.shape, str) and self.shape == "exponential":
            raise InvalidInput(
                "Warmup has no shape 'exponential', which rises for ever: multiply the schedule "
                "instead, Saturation(timescale=1000) * schedule. Received: shape='exponential'."
            )
        check_ramp(self.shape, "Warmup", tuple(WARMUPS))
        object.__setattr__(self, "power", positive(self.power, "Warmup", "power"))
        object.__setattr__(self, "start", number(self.start, "Warmup", "start", most=1.0))

    def formula(self, step: Any, xp: Any) -> Any:
        """The ramp times the shifted schedule, which stays at its first value until it starts."""
        later = after(step, self.length, xp)  # type: ignore[arg-type]
        return self._rise(step, xp) * self.schedule.formula(later, xp)

    def _rise(self, step: Any, xp: Any) -> Any:
        length: int = self.length  # type: ignore[assignment]
        share, rest = done(step, length, xp), left(step, length, xp)
        share = WARMUPS[self.shape](share, rest, length, xp)
        if self.power != 1.0:
            share = xp.power(share, fill(self.power, share, xp))
        return between(self.start, 1.0, share, xp)

    def lay(self, horizon: Horizon, room: int) -> Schedule:
        """The warmup first, what it leaves of the room to the schedule.

        A share that a short run rounds to nothing leaves the schedule alone.

        Raises:
            InvalidInput: The two need more steps than there are.
        """
        length = resolve_length(self.length, horizon, "length")
        share = str(self.length).endswith("%") and self.length != "100%"
        if share and length in (room, room + 1):
            length = max(room - 1, 0)  # a share never takes all of a short run by rounding
        if length > room:
            raise InvalidInput(
                f"The warmup of {self} takes {length} steps, but only {room} are there. "
                f"Shorten it, e.g. .warmup('5%'). Received: length={self.length!r}."
            )
        inner = self.schedule.lay(horizon, room - length)
        span = inner.span()
        if span is not None and length + span > room and not inner.may_be_cut():
            rest = room - length
            fit = (
                f"Write length={rest} after the warmup, or leave the length out: it then fills the "
                "rest."
                if rest
                else "Shorten the warmup, e.g. .warmup('5%'), and leave out the length of what "
                "follows: it then fills the rest."
            )
            raise InvalidInput(
                f"The warmup of {length} steps and what follows it of {span} need "
                f"{length + span} steps, but only {room} are there. {fit} Received: {self}."
            )
        return replace(self, schedule=inner, length=length) if length else inner

    def span(self) -> int | None:
        """The warmup's steps and the schedule's."""
        inner = self.schedule.span()
        return None if inner is None else min(self.length + inner, MOST_STEPS)  # type: ignore[operator]

    def goal(self) -> int | None:
        """The schedule's, after the warmup."""
        inner = self.schedule.goal()
        return None if inner is None else min(self.length + inner, MOST_STEPS)  # type: ignore[operator]

    def lead(self) -> int:
        """The warmup's steps."""
        return min(self.length + self.schedule.lead(), MOST_STEPS)  # type: ignore[operator]

    def inside(self, step: int) -> tuple[tuple[Schedule, int], ...]:
        """The schedule, which begins when the warmup is over."""
        return ((self.schedule, max(step - self.length, 0)),)  # type: ignore[operator]

    def did(self, step: int, value: float, inner: tuple[float, ...]) -> str:
        """The rise, which a schedule at 0 has too."""
        return times(float(self._rise(np.int64(step), np)))

    def note(self, step: int) -> str:
        """How far the warmup is."""
        return f"step {step} of {self.length}" if step < self.length else "over"  # type: ignore[operator]

    def marks(self) -> list[Mark]:
        """Its end, and the schedule's, shifted."""
        length: int = self.length  # type: ignore[assignment]
        return [Mark(length, "warmup ends"), *shifted(self.schedule.marks(), length)]
