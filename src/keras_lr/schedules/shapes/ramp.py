"""What the shapes share that lead from one value to another over a length."""

from dataclasses import KW_ONLY, dataclass

from keras_lr.errors import InvalidInput
from keras_lr.schedules.checks import number
from keras_lr.schedules.horizon import MOST_STEPS, Length, tidy_length
from keras_lr.schedules.schedule import Schedule

_MOST = 100.0
"""The highest factor without a length: what is above it was meant as one (torch's T_max)."""


@dataclass(frozen=True)
class Ramp(Schedule):
    """From `start` to `end` over `length`; derived classes say how.

    Args:
        start: Factor at step 0, at most 100 where `length` is left out.
        end: Factor from step `length` on, at most 100 where `length` is left out.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.

    Raises:
        InvalidInput: A factor or a length that isn't one, or a factor that must be a length.
    """

    lengths = ("length",)

    start: float = 1.0
    end: float = 0.0
    _: KW_ONLY
    length: Length | None = None

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name in ("start", "end"):
            factor = number(getattr(self, name), owner, name)
            if factor > _MOST and self.length is None:
                length = round(factor) if factor < MOST_STEPS else 1000
                raise InvalidInput(
                    f"{owner}'s {name} is a factor of the optimizer's rate. For a length write "
                    f"{owner}(length={length}). Received: {name}={factor!r}."
                )
            object.__setattr__(self, name, factor)
        length = tidy_length(self.length, f"{owner}'s length", least=1, optional=True)
        object.__setattr__(self, "length", length)
