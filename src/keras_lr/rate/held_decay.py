"""Weight decay that doesn't follow the rate.

Keras shrinks the weights at each update by weight_decay × rate, so every schedule and every cut
weakens the decay too. Held, it shrinks them by weight_decay × a rate that stays what it was, while
the rate of the update moves. Keras's own code does it, with everything that it knows (exclusions,
distribution, torch's fast path): for the length of its call that rate stands in the slot.
"""

from collections.abc import Callable
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.rate.followed import uncompiled
from keras_lr.rate.leaves import leaf_names, own_schedule


class HeldDecay:
    """One leaf whose weight decay is held, until `remove`.

    Args:
        leaf: A stock optimizer with a `weight_decay`.
        rate: What the decay is multiplied by instead of the rate.
        settle: Takes the control of the rate down if the fit it was made for was interrupted, and
            says whether it did.
    """

    def __init__(self, leaf: Any, rate: float, settle: Callable[[], bool]) -> None:
        self.leaf = leaf
        self.rate = rate
        self._settle = settle
        self._calls = 0
        # Past Keras's own __setattr__, whose tracker would take note of it.
        object.__setattr__(leaf, "_apply_weight_decay", uncompiled(self._held))

    def remove(self) -> None:
        """Put Keras's own back."""
        vars(self.leaf).pop("_apply_weight_decay", None)

    def _held(self, variables: Any) -> None:
        method = type(self.leaf)._apply_weight_decay
        if self._settle():
            method(self.leaf, variables)
            return
        # Replicas of a tf.distribute strategy wait for each other inside this call: the first to
        # come puts the rate there, and the first to leave takes it away before any goes on.
        if not self._calls:
            self._slot = self.leaf._learning_rate
            object.__setattr__(self.leaf, "_learning_rate", lambda: self.rate)
        self._calls += 1
        try:
            method(self.leaf, variables)
        finally:
            self._calls -= 1
            object.__setattr__(self.leaf, "_learning_rate", self._slot)


def check_holdable(optimizer: Any, leaves: list[Any]) -> None:
    """Refuse to hold a weight decay that isn't there, or to a rate that isn't a number.

    Raises:
        InvalidInput: With what to write.
    """
    decaying = [leaf for leaf in leaves if leaf.weight_decay is not None]
    if not decaying:
        kind = type(leaves[0]).__name__
        raise InvalidInput(
            "independent_weight_decay=True has nothing to hold: the optimizer has no weight decay. "
            f"Compile with {kind}(..., weight_decay=1e-4). Received: {kind} with weight_decay=None."
        )
    for name, leaf in zip(leaf_names(optimizer), leaves, strict=True):
        if leaf in decaying and own_schedule(leaf) is not None:
            raise InvalidInput(
                "independent_weight_decay=True holds weight_decay × the optimizer's rate, which "
                f"{name!r} has none of: it was built with a schedule. Compile it with a number, and "
                "give the schedule, as a factor, to LearningRate(schedule=...)."
            )
