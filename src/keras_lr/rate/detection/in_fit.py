"""What somebody has put inside the training step, as `Control` sees it."""

from collections.abc import Sequence
from typing import Any, Protocol

from keras_lr.rate.detection.detector import Cut


class InFit(Protocol):
    """Something on all leaves of an optimizer, inside its steps for the length of a `fit`."""

    def look(self) -> list[Cut]:
        """The cuts since the last look, in order."""
        ...

    def move(self, batches: Sequence[int]) -> None:
        """Count so many batches more on each leaf."""
        ...

    def parts(self) -> list[Any]:
        """What checkpoints shouldn't see."""
        ...

    def remove(self) -> None:
        """Put everything back."""
        ...
