"""Falls from one value to another over a length: straight, half a cosine, a power."""

from dataclasses import dataclass, field
from typing import Any

from keras_lr.schedules.arithmetic import between, done, fill, half_cosine, left
from keras_lr.schedules.checks import falling, positive
from keras_lr.schedules.registry import register
from keras_lr.schedules.shapes.ramp import Ramp


@register
@dataclass(frozen=True)
class Linear(Ramp):
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
class Cosine(Ramp):
    """Half a cosine down: end + (start − end)·((1 + cos(π·step/length))/2)^power.

    Without restarts; Loshchilov & Hutter, "SGDR" (2017), equation 5. The power is the `exponent` of
    optax's `cosine_decay_schedule`.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on, at most `start`.
        power: Above 1 it falls earlier, below 1 later.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    >>> Cosine(length=10)([0, 5, 10, 99]).round(9)
    array([1. , 0.5, 0. , 0. ])
    """

    example = "cosine(end=0.1)"

    power: float = field(default=1.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        falling(self.start, self.end, "Cosine")
        object.__setattr__(self, "power", positive(self.power, "Cosine", "power"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The curve, computed upwards from its end."""
        share = half_cosine(left(step, self.length, xp), xp)  # type: ignore[arg-type]
        if self.power != 1.0:
            share = xp.power(share, fill(self.power, share, xp))
        return between(self.end, self.start, share, xp)


@register
@dataclass(frozen=True)
class Polynomial(Ramp):
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
