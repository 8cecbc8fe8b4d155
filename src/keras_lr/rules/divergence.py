"""Return to the last good state when training diverges, and go on at a lower rate."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from keras_lr.rules.rule import KEEP, Decision, Observation, floored, register
from keras_lr.rules.settings import check, check_monitor, make_numbers


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
    last good weights, optimizer state, seeds and metrics (those of the end of the last epoch that
    was not diverged, or of the start of the run) before it cuts the rate. The data goes on, in an
    order that it hasn't had yet. The first epoch has no epoch to compare with; it is compared with
    the first batch, `spike` times as leniently, since one batch is noisy.

    Args:
        monitor: The loss to watch; less is better.
        factor: What to multiply the rate by, in (0, 1).
        spike: How many times its best the loss may be; more than 1, or `None` for NaN and
            infinity only. It needs a positive loss and is ignored while the best is not positive.
        min_rate: The rate apart from `LearningRate`'s schedule (base × reduction) is never cut
            below this; in a `MultiOptimizer` the lowest member's isn't. Training is rolled back
            there all the same.
        max_rollbacks: After this many the run is given up with `TrainingDiverged`.

    Raises:
        InvalidInput: For settings that can't work.

    Source: ours. Going back to a state from before the loss rose is how PaLM was trained
    (Chowdhery et al. 2022, section 5.1): there with other data alone, here with a lower rate as
    well. Keras has `TerminateOnNaN`, which ends the run.

    >>> rule = Divergence()
    >>> state, _ = rule.update(rule.start(), Observation(100, 0, {"loss": 1.0}))
    >>> state, decision = rule.update(state, Observation(200, 1, {"loss": float("nan")}))
    >>> decision.rollback, decision.factor
    (True, 0.5)
    """

    monitor: str = "loss"
    factor: float = 0.5
    _: KW_ONLY
    spike: float | None = 10.0
    min_rate: float = 0.0
    max_rollbacks: int = 3

    name: ClassVar[str] = "divergence"
    restores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_monitor(self.monitor, "Divergence", "loss")
        make_numbers(self, "factor", "min_rate")
        make_numbers(self, "max_rollbacks", whole=True)
        check(self, 0 < self.factor < 1, "factor", "in (0, 1)")
        check(self, self.min_rate >= 0, "min_rate", "at least 0")
        check(self, self.max_rollbacks >= 0, "max_rollbacks", "at least 0")
        if self.spike is not None:
            make_numbers(self, "spike")
            check(self, self.spike > 1, "spike", "more than 1, or None")

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
        factor = floored(self.factor, observation.rate, self.min_rate)
        return state, Decision(factor, rollback=True, reason=reason)

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
