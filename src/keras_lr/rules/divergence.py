"""Return to the last good state when training diverges, and go on at a lower rate."""

import math
from dataclasses import dataclass
from typing import ClassVar

from keras_lr.errors import InvalidInput
from keras_lr.rules.rule import KEEP, Decision, Observation, number, register


@dataclass(frozen=True)
class DivergenceState:
    """The best value so far, and how often training was rolled back.

    Args:
        best: The lowest value of the metric, or `None` before the first.
        rollbacks: Rollbacks so far.
    """

    best: float | None = None
    rollbacks: int = 0


@register
@dataclass(frozen=True)
class Divergence:
    """Roll back and cut when the loss is NaN, infinite, or far above its best.

    Far above: more than `spike` times the best value. Whoever applies the decision restores the
    last good weights and optimizer state (the end of the last epoch that was not diverged, or the
    start of the run) before it cuts the rate. The first epoch has no epoch to compare with; it is
    compared with the first batch, `spike` times as leniently, since one batch is noisy.

    Args:
        monitor: The loss to watch; less is better.
        factor: What to multiply the rate by, in (0, 1).
        spike: How many times its best the loss may be; more than 1, or `None` for NaN and
            infinity only. It needs a positive loss and is ignored while the best is not positive.
        max_rollbacks: After this many the run is given up with `TrainingDiverged`.

    Raises:
        InvalidInput: For settings that can't work.

    >>> rule = Divergence()
    >>> state, _ = rule.update(rule.start(), Observation(100, 0, {"loss": 1.0}))
    >>> state, decision = rule.update(state, Observation(200, 1, {"loss": float("nan")}))
    >>> decision.rollback, decision.factor
    (True, 0.5)
    """

    monitor: str = "loss"
    factor: float = 0.5
    spike: float | None = 10.0
    max_rollbacks: int = 3

    name: ClassVar[str] = "divergence"
    restores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str) or not self.monitor:
            raise InvalidInput(
                f"monitor must be the name of a loss. Received: monitor={self.monitor!r}. "
                'Write e.g. Divergence("loss").'
            )
        object.__setattr__(self, "factor", number(self.factor, "factor"))
        if not 0 < self.factor < 1:
            raise InvalidInput(f"factor must be in (0, 1). Received: factor={self.factor!r}.")
        if self.spike is not None:
            object.__setattr__(self, "spike", number(self.spike, "spike"))
            if self.spike <= 1:
                raise InvalidInput(
                    f"spike must be more than 1, or None. Received: spike={self.spike!r}."
                )
        rollbacks = number(self.max_rollbacks, "max_rollbacks", whole=True)
        object.__setattr__(self, "max_rollbacks", rollbacks)
        if rollbacks < 0:
            raise InvalidInput(f"max_rollbacks must be at least 0. Received: {rollbacks!r}.")

    def start(self) -> DivergenceState:
        """The state before the first observation."""
        return DivergenceState()

    def update(
        self, state: DivergenceState, observation: Observation
    ) -> tuple[DivergenceState, Decision]:
        """Judge one epoch."""
        value = observation.values.get(self.monitor)
        if observation.epoch < 0:
            if self.spike is None or state.best is not None:
                return state, KEEP
            if value is None or not math.isfinite(value):
                return state, KEEP
            return DivergenceState(float(value) * self.spike, state.rollbacks), KEEP
        reason = self._judge(value, state.best, observation.finite)
        if reason is None:
            if value is None:
                return state, KEEP
            best = value if state.best is None else min(state.best, value)
            return DivergenceState(float(best), state.rollbacks), KEEP
        if state.rollbacks >= self.max_rollbacks:
            reason += f"; gave up after {state.rollbacks} rollbacks"
            return state, Decision(give_up=True, reason=reason)
        state = DivergenceState(state.best, state.rollbacks + 1)
        return state, Decision(factor=self.factor, rollback=True, reason=reason)

    def _judge(self, value: float | None, best: float | None, finite: bool) -> str | None:
        if value is not None and not math.isfinite(value):
            return f"{self.monitor} is {value}"
        if not finite:
            return "a weight is not finite"
        far = None if self.spike is None or best is None or best <= 0 else self.spike * best
        if value is not None and far is not None and value > far:
            return (
                f"{self.monitor} is {value:.5g}, more than {self.spike:g} times its best {best:.5g}"
            )
        return None
