"""What measures the norms of one optimizer's updates, whatever the backend."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_lr.rate.detection.hooks import Hooks
from keras_lr.rate.detection.in_step import summed_over_replicas
from keras_lr.rate.followed import uncompiled
from keras_lr.rate.leaves import batches_per_update


@dataclass(frozen=True)
class Measured:
    """The norms at one update of a leaf.

    Args:
        batches: The leaf's own count of batches, the update's included.
        squares: ‖gradient‖², ‖weights‖² and ‖change‖² (rows) of each variable (columns), in the
            order of the leaf's trainable variables.
    """

    batches: int
    squares: np.ndarray


class Norms:
    """Measures one leaf.

    Args:
        leaf: A stock optimizer that is built.
        changes: Whether what updates change is measured too. On JAX that costs a copy of the
            weights in each step; the others cost nothing between the updates measured.
        settle: Takes the control down if the fit it was made for was interrupted, and says whether
            it did.
    """

    def __init__(self, leaf: Any, changes: bool, *, settle: Callable[[], bool]) -> None:
        self.leaf = leaf
        self._changes = changes
        self._settle = uncompiled(settle)
        self._weights = list(leaf._trainable_variables)
        self._make()
        self._hooks = Hooks(
            leaf,
            {
                # It adds nothing, but what it calls, the other two among it, isn't compiled on torch.
                "_backend_apply_gradients": uncompiled(self._applying),
                "_clip_gradients": self._clipping,
                "_backend_update_step": self._updating,
            },
        )

    def variables(self) -> list[Any]:
        """What the host reads of it."""
        return []

    def measured(self) -> Measured | None:
        """The last measurement; `None` before the first."""
        raise NotImplementedError

    def last(self) -> Measured | None:
        """The measurement of the last update that was done; `None` if that one wasn't measured."""
        found, each = self.measured(), batches_per_update(self.leaf)
        done = int(self.leaf._iterations.numpy()) // each * each
        return found if found is not None and found.batches == done else None

    def turn(self, on: bool) -> list[Any]:
        """Measure the updates to come, or don't; the variables that have to hold which."""
        raise NotImplementedError

    def remove(self) -> None:
        """Put everything back."""
        self._hooks.remove()
        self.take_out()

    def take_out(self) -> None:
        """Leave the optimizer with its own variables."""

    def put_in(self) -> None:
        """Undo `take_out`."""

    def _make(self) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        """Before the weights change."""
        raise NotImplementedError

    def _end(self, gradients: list[Any], index: list[int]) -> None:
        """After they did."""
        raise NotImplementedError

    def _applying(self, gradients: Any, variables: Any) -> Any:
        return self._hooks.own("_backend_apply_gradients")(gradients, variables)

    def _clipping(self, gradients: Any) -> Any:
        gradients = self._hooks.own("_clip_gradients")(gradients)
        if not self._settle():
            self._begin()
        return gradients

    def _updating(self, gradients: Any, variables: Any, rate: Any) -> Any:
        gone = vars(self.leaf).get("_clip_gradients") is None  # an interrupted fit's, just settled
        gradients = list(gradients)
        if not gone:
            gradients = summed_over_replicas(self.leaf, gradients)
        result = self._hooks.own("_backend_update_step")(gradients, variables, rate)
        if not gone:
            self._end(gradients, [self.leaf._get_variable_index(v) for v in variables])
        return result
