"""Phases of in-graph rules that go on in the next `fit`, as long as nobody else was at the model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras_lr.rate import Control
from keras_lr.rate.detection.gauges import squared_norm
from keras_lr.rules import Rule

_SAME = 1e-6
"""Of the sum of squares of all weights, in single precision: less is no change."""


@dataclass(frozen=True)
class Standing:
    """What a phase rests on: if it is another when a fit begins, someone has changed it.

    Args:
        updates: The count of each leaf.
        rates: The rate of each leaf at its last update, or at its next.
        norm: The sum of squares of all weights.
    """

    updates: tuple[int, ...]
    rates: tuple[float, ...]
    norm: float

    @classmethod
    def of(cls, control: Control, updates_ago: int = 0) -> "Standing":
        """Where the model of a running fit stands, outside its steps.

        Args:
            control: Of the fit.
            updates_ago: 1 for the rate that the last update had; 0 for the next one's.
        """
        import keras

        updates = tuple(int(leaf._iterations.numpy()) for leaf in control.leaves)
        norm = keras.ops.convert_to_numpy(squared_norm(control.model.trainable_variables))
        return cls(updates, tuple(control.read(updates_ago)), float(norm))

    def is_near(self, other: "Standing") -> bool:
        """Whether it is the same, but for rounding."""
        return (
            self.updates == other.updates
            and math.isclose(self.norm, other.norm, rel_tol=_SAME)
            and all(
                math.isclose(one, two, rel_tol=_SAME)
                for one, two in zip(self.rates, other.rates, strict=True)
            )
        )


@dataclass(frozen=True)
class Phases:
    """Where the in-graph rules stood when a fit ended.

    Args:
        rules: The rules.
        standing: What their phases rest on.
        state: Of their detectors.
    """

    rules: tuple[Rule, ...]
    standing: Standing
    state: dict[str, Any]

    def hold(self, rules: Sequence[Rule], control: Control) -> bool:
        """Whether they go on in the fit that begins, with these rules."""
        return tuple(rules) == self.rules and self.standing.is_near(Standing.of(control))
