"""The norms of all leaves of an optimizer."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from keras_lr.rate.detection.detector import Cut
from keras_lr.rate.detection.norms.norms import Measured, Norms


class LeafNorms:
    """The norms of all leaves of an optimizer, for the length of a `fit`.

    Made by `Control.measure`.

    Args:
        each: `Norms` for each leaf; `None` for a leaf without weights.
    """

    def __init__(self, each: Iterable[Norms | None]) -> None:
        self.each = tuple(each)

    def measured(self, *, each_was: bool = False) -> list[Measured | None]:
        """The norms at each leaf's last update; `None` where that one wasn't measured.

        Args:
            each_was: Whether every update was. (TensorFlow counts a step that finds no data, so
                where the data has no length its count doesn't tell.)
        """
        return [
            None if each is None else each.measured() if each_was else each.last()
            for each in self.each
        ]

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        return [variable for each in self.parts() for variable in each.turn(on)]

    def variables(self) -> list[Any]:
        """What the host reads of them."""
        return [variable for each in self.parts() for variable in each.variables()]

    def weights(self) -> list[list[Any]]:
        """The variables of each leaf, in the order of its measurements."""
        return [[] if each is None else list(each._weights) for each in self.each]

    def look(self) -> list[Cut]:
        """They never cut."""
        return []

    def move(self, batches: Sequence[int]) -> None:
        """They hold no place in the run."""

    def parts(self) -> list[Any]:
        """What checkpoints shouldn't see."""
        return [each for each in self.each if each is not None]

    def remove(self) -> None:
        """Put everything back."""
        for each in reversed(self.parts()):
            each.remove()


def measure_norms(leaf: Any, changes: bool, *, settle: Callable[[], bool]) -> Norms | None:
    """`Norms` of one leaf (see there); `None` if the leaf has no weights."""
    import keras

    if not leaf._trainable_variables:
        return None
    if keras.backend.backend() == "torch":
        from keras_lr.rate.detection.norms.host import HostNorms

        return HostNorms(leaf, changes, settle=settle)
    from keras_lr.rate.detection.norms.traced import TracedNorms

    return TracedNorms(leaf, changes, settle=settle)
