"""What the shapes share that lead from one value to another over a length."""

from dataclasses import KW_ONLY, dataclass

from keras_lr.schedules.checks import number
from keras_lr.schedules.horizon import Length, tidy_length
from keras_lr.schedules.schedule import Schedule


@dataclass(frozen=True)
class Ramp(Schedule):
    """From `start` to `end` over `length`; derived classes say how.

    Args:
        start: Factor at step 0.
        end: Factor from step `length` on.
        length: Steps, "50%", "3 epochs", or `None` for what is left of the run.
    """

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
