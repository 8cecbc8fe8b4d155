"""A power of the step."""

import math
from dataclasses import dataclass, replace
from typing import Any

from keras_lr.errors import InvalidInput
from keras_lr.schedules.arithmetic import at_least, fill, real
from keras_lr.schedules.checks import number, positive
from keras_lr.schedules.horizon import MOST_STEPS
from keras_lr.schedules.registry import register
from keras_lr.schedules.schedule import Schedule


@register
@dataclass(frozen=True)
class Power(Schedule):
    """A power of the step, at most 1, for ever: min(1, scale·max(step, 1)^exponent).

    Shen et al., "Power Scheduler: A Batch Size and Token Number Agnostic Learning Rate Scheduler"
    (2024): min(η, a·n^b), n counted in tokens. With B tokens a step and η the optimizer's rate,
    `scale` is a·B^b/η.

    Args:
        scale: Factor at step 1 if it were not cut off at 1; above 0.
        exponent: Below 0, at least -10.

    >>> Power(4.0, -0.5)([0, 16, 64, 400])
    array([1. , 1. , 0.5, 0.2])
    """

    example = "power(2.0)"

    scale: float
    exponent: float = -0.51

    def __post_init__(self) -> None:
        object.__setattr__(self, "scale", positive(self.scale, "Power", "scale"))
        exponent = number(self.exponent, "Power", "exponent", least=-10.0, most=0.0)
        if exponent == 0:
            raise InvalidInput(
                "Power falls, so its exponent is below 0. For a constant write Constant(). "
                f"Received: exponent={self.exponent!r}."
            )
        object.__setattr__(self, "exponent", exponent)

    def formula(self, step: Any, xp: Any) -> Any:
        """The power of step/first, where `first` is the last step before the fall."""
        top, first = self.scale, 1.0
        if top > 1.0:  # cut off until the power reaches 1
            top, first = 1.0, math.exp(min(math.log(top) / -self.exponent, math.log(MOST_STEPS)))
        steps = real(step, xp)
        steps = at_least(steps, first, xp) / first
        return top * xp.power(steps, fill(self.exponent, steps, xp))

    def stretched(self, factor: float) -> "Power":
        """As far down after `factor` times as many steps."""
        return replace(self, scale=self.scale * factor**-self.exponent)
