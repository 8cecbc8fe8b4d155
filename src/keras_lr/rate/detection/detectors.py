"""Detectors on all leaves of an optimizer, and what they cut."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from keras_lr.rate.detection.detector import Cut, Detector, Watch


class Detectors:
    """What one owner watches the steps of an optimizer with, for the length of a `fit`.

    Made by `Control.detect`: a `detector.Detector` for each leaf.

    Args:
        each: A detector for each leaf; `None` for a leaf without weights.
    """

    def __init__(self, each: Sequence[Detector | None]) -> None:
        self.each = tuple(each)
        self._cuts: list[Cut] = []

    @property
    def look_every(self) -> int | None:
        """Batches after which to `look`, or cuts are lost; `None` for any number."""
        found = [each.look_every for each in self._there() if each.look_every is not None]
        return min(found, default=None)

    def look(self) -> list[Cut]:
        """The cuts since the last look, in order, which are kept for `take` too."""
        found = [
            cut
            for index, detector in enumerate(self.each)
            if detector is not None
            for cut in detector.cuts(index)
        ]
        found.sort(key=lambda cut: (cut.step, cut.leaf))
        self._cuts += found
        return found

    def take(self) -> list[Cut]:
        """All cuts since this was last called; `Control.adopt` looks for them."""
        taken, self._cuts = self._cuts, []
        return taken

    def restart(self) -> None:
        """Begin anew with the weights as they are."""
        for detector in self._there():
            detector.restart()

    def states(self, watch: int) -> list[dict[str, float] | None]:
        """Where one of the watches stands, on each leaf."""
        return [None if each is None else each.state(watch) for each in self.each]

    def begin(self, watch: int) -> None:
        """Let one of the watches start from its first state, on each leaf."""
        for detector in self._there():
            detector.begin(watch)

    def move(self, batches: Sequence[int]) -> None:
        """Count so many batches more on each leaf."""
        for detector, more in zip(self.each, batches, strict=True):
            if detector is not None:
                detector.move(more)

    def get_state(self) -> dict[str, Any]:
        """All of it, as JSON values and NumPy arrays."""
        return {
            "cuts": [asdict(cut) for cut in self._cuts],
            "each": [None if each is None else each.get_state() for each in self.each],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self._cuts = [Cut(**cut) for cut in state["cuts"]]
        for detector, stored in zip(self.each, state["each"], strict=True):
            if detector is not None:
                detector.set_state(stored)

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave at the end of another fit, whose cuts are told."""
        self.set_state({**state, "cuts": []})
        for detector in self._there():
            detector.forget_last()

    def parts(self) -> list[Any]:
        """What checkpoints shouldn't see."""
        return self._there()

    def remove(self) -> None:
        """Put everything back."""
        for detector in reversed(self._there()):
            detector.remove()

    def _there(self) -> list[Any]:
        return [detector for detector in self.each if detector is not None]


def detect(leaf: Any, watches: Sequence[Watch], **arguments: Any) -> Detector | None:
    """A detector on one leaf (see `Detector`); `None` if the leaf has no weights."""
    import keras

    if not leaf._trainable_variables:
        return None
    if keras.backend.backend() == "torch":
        from keras_lr.rate.detection.host import HostDetector

        return HostDetector(leaf, watches, **arguments)
    from keras_lr.rate.detection.traced import TracedDetector

    return TracedDetector(leaf, watches, **arguments)
