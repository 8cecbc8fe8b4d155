"""Variables that are added to an optimizer, whose compiled step then reads and writes them."""

from typing import Any

from keras_lr.rate.detection.in_step import optimizer_scope
from keras_lr.rate.plain import ours


class Added:
    """The variables that one detector has added to an optimizer; a part that checkpoints don't see.

    Args:
        leaf: A stock optimizer that is built.

    Attributes:
        made: The variables, in the order in which they came.
    """

    def __init__(self, leaf: Any) -> None:
        self._leaf = leaf
        self.made: list[Any] = []

    def variable(self, shape: tuple[int, ...], name: str, dtype: str = "float32") -> Any:
        """A new one, of zeros."""
        with optimizer_scope(self._leaf):
            return self._keep(self._leaf.add_variable(shape, dtype=dtype, name=name))

    def like(self, weight: Any, name: str) -> Any:
        """A new one of a weight's shape, where that lies."""
        with optimizer_scope(self._leaf):
            return self._keep(self._leaf.add_variable_from_reference(weight, name))

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""
        for variable in self.made:
            self._leaf._untrack_variable(variable)

    def put_in(self) -> None:
        """Undo `take_out`."""
        for variable in self.made:
            self._leaf._track_variable(variable)

    def _keep(self, made: Any) -> Any:
        self.made.append(ours(made))
        return made
