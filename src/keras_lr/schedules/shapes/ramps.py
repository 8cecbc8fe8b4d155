"""Falls from one value to another over a length: straight, half a cosine, a power."""

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from keras_lr.schedules.arithmetic import COOLDOWNS, between, done, fill, left
from keras_lr.schedules.checks import falling, number, positive
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@dataclass(frozen=True)
class _Ramp(Schedule):
    lengths = ("length",)

    start: float = 1.0
    end: float = 0.0
    _: KW_ONLY
    length: Length | None = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        object.__setattr__(self, "start", number(self.start, owner, "start"))
        object.__setattr__(self, "end", number(self.end, owner, "end"))
        length = tidy_length(self.length, f"{owner}'s length", least=1, optional=True)
        object.__setattr__(self, "length", length)


@register
@dataclass(frozen=True)
class Linear(_Ramp):
    """A straight line from `start` to `end`: start + (end − start)·step/length; it may rise.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Linear(1.0, 0.5, length=10)([0, 5, 10, 99])
    array([1.  , 0.75, 0.5 , 0.5 ])
    """

    example = "linear(end=0.1)"

    def formula(self, step: Any, xp: Any) -> Any:
        """The line, computed upwards from its lower end."""
        if self.start <= self.end:
            return between(self.start, self.end, done(step, self.length, xp), xp)  # type: ignore[arg-type]
        return between(self.end, self.start, left(step, self.length, xp), xp)  # type: ignore[arg-type]


@register
@dataclass(frozen=True)
class Cosine(_Ramp):
    """Half a cosine from `start` down to `end`: end + (start − end)·(1 + cos(π·step/length))/2.

    Without restarts; Loshchilov & Hutter, "SGDR" (2017), equation 5.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on, at most `start`.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Cosine(length=10)([0, 5, 10, 99]).round(9)
    array([1. , 0.5, 0. , 0. ])
    """

    example = "cosine(end=0.1)"

    def __post_init__(self) -> None:
        super().__post_init__()
        falling(self.start, self.end, "Cosine")

    def formula(self, step: Any, xp: Any) -> Any:
        """The curve, computed upwards from its end."""
        share = COOLDOWNS["cosine"](left(step, self.length, xp), xp)  # type: ignore[arg-type]
        return between(self.end, self.start, share, xp)


@register
@dataclass(frozen=True)
class Polynomial(_Ramp):
    """A power of the share that is left: end + (start − end)·(1 − step/length)^power.

    Keras's `PolynomialDecay` and torch's `PolynomialLR`, whose default power it has.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on, at most `start`.
        power: Above 1 it falls early, below 1 late.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Polynomial(power=2.0, length=10)([0, 5, 10, 99])
    array([1.  , 0.25, 0.  , 0.  ])
    """

    example = "polynomial(end=0.1, power=2.0)"

    power: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        falling(self.start, self.end, "Polynomial")
        object.__setattr__(self, "power", positive(self.power, "Polynomial", "power"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The curve, computed upwards from its end."""
        share = left(step, self.length, xp)  # type: ignore[arg-type]
        share = xp.power(share, fill(self.power, share, xp))
        return between(self.end, self.start, share, xp)
