"""A power that starts again, lower each time, whenever it has ended."""

from dataclasses import KW_ONLY, dataclass
from typing import Any

from keras_lr.schedules.arithmetic import at_least, between, fill, real
from keras_lr.schedules.checks import falling, number, positive
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class PolynomialRestarts(Schedule):
    """A polynomial whose length grows by itself whenever it ends, for ever.

    end + (start − end)·(1 − step/(length·k))^power, where k = max(⌈step/length⌉, 1): Keras's
    `PolynomialDecay(cycle=True)`. The k-th fall begins at about 1/k of the way, so each restart is
    lower than the one before. For restarts that are alike, or longer, `.repeat()` a `Polynomial`.

    Args:
        length: Of the first fall and between two ends: steps, "20%" of the run, or "3 epochs".
        start: Factor at step 0.
        end: Factor at the end of each fall, at most `start`.
        power: Above 1 it falls early, below 1 late.

    >>> PolynomialRestarts(4)([0, 2, 4, 5, 6, 8])
    array([1.   , 0.5  , 0.   , 0.375, 0.25 , 0.   ])
    """

    lengths = ("length",)
    example = "polynomial_restarts(20%, end=0.1, power=2.0)"

    length: Length
    _: KW_ONLY
    start: float = 1.0
    end: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        owner = "PolynomialRestarts"
        object.__setattr__(self, "length", tidy_length(self.length, f"{owner}'s length", least=1))
        object.__setattr__(self, "start", number(self.start, owner, "start"))
        object.__setattr__(self, "end", number(self.end, owner, "end"))
        falling(self.start, self.end, owner)
        object.__setattr__(self, "power", positive(self.power, owner, "power"))

    def formula(self, step: Any, xp: Any) -> Any:
        """The share that is left of the fall, which integers tell exactly."""
        length: int = self.length  # type: ignore[assignment]
        before = at_least(-(-step // length) - 1, 0, xp)  # falls that are over
        ahead = length - (step - before * length)
        share = real(ahead, xp) / length / (real(before, xp) + 1.0)
        share = xp.power(share, fill(self.power, share, xp))
        return between(self.end, self.start, share, xp)

    def span(self) -> int | None:
        """It never ends."""
        return None
