"""Reduce the rate when a metric stops improving."""

import math
import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from keras_lr.errors import InvalidInput
from keras_lr.rules.rule import KEEP, Decision, Observation, number, register

_FALLS = re.compile(
    r"loss|error|mse|mae|mape|msle|entropy|perplexity|diverg|deviance|hinge|poisson|logcosh|false_"
)
_RISES = re.compile(
    r"acc|auc|precision|recall|f1|f_score|fscore|iou|io_u|dice|r2|top_?k|bleu"
    r"|similarity|sensitiv|specific|correlation|true_"
)


@dataclass(frozen=True)
class PlateauState:
    """The best value so far, and how long ago it was.

    Args:
        best: The best value of the metric, or `None` before the first.
        wait: Observations since the last improvement.
        cooldown: Observations during which no cut is counted towards yet.
    """

    best: float | None = None
    wait: int = 0
    cooldown: int = 0


@register
@dataclass(frozen=True)
class Plateau:
    """Multiply the rate by `factor` after `patience` epochs without improvement.

    The counting is that of `keras.callbacks.ReduceLROnPlateau`: with a constant metric and
    `patience=2` the first cut comes at the third observation. What differs: the threshold is
    relative by default, so that the scale of a loss doesn't matter; NaN and inf never count as
    progress, never as a reason to cut either (that is `Divergence`'s work); and the default factor
    is gentle, because a false alarm at 0.1 costs more than a late cut at 0.5.

    Args:
        monitor: The metric to watch, a key of the epoch's logs.
        factor: What to multiply the rate by, in (0, 1).
        patience: Epochs without improvement before a cut, at least 1.
        min_delta: What counts as an improvement: a share of the best value (relative) or a
            difference from it (absolute).
        threshold: `"relative"` or `"absolute"`.
        cooldown: Epochs after a cut in which waiting doesn't start.
        min_rate: The rate apart from `LearningRate`'s schedule (base × reduction) is never cut
            below this; in a `MultiOptimizer` the lowest member's isn't.
        mode: `"min"`, `"max"`, or `"auto"`: decided by the metric's name.

    Raises:
        InvalidInput: For settings that can't work.

    >>> rule = Plateau("loss", patience=1)
    >>> state, _ = rule.update(rule.start(), Observation(100, 0, {"loss": 1.0}))
    >>> state, decision = rule.update(state, Observation(200, 1, {"loss": 1.0}))
    >>> decision.factor
    0.5
    """

    monitor: str = "val_loss"
    factor: float = 0.5
    patience: int = 5
    min_delta: float = 1e-3
    threshold: Literal["relative", "absolute"] = "relative"
    cooldown: int = 0
    min_rate: float = 0.0
    mode: Literal["auto", "min", "max"] = "auto"

    name: ClassVar[str] = "plateau"
    restores: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not isinstance(self.monitor, str) or not self.monitor:
            raise InvalidInput(
                f"monitor must be the name of a metric. Received: monitor={self.monitor!r}. "
                'Write e.g. Plateau("val_loss").'
            )
        for name, whole in (
            ("factor", False),
            ("min_delta", False),
            ("min_rate", False),
            ("patience", True),
            ("cooldown", True),
        ):
            object.__setattr__(self, name, number(getattr(self, name), name, whole=whole))
        _check(0 < self.factor < 1, "factor", self.factor, "in (0, 1)")
        _check(self.patience >= 1, "patience", self.patience, "at least 1")
        for name in ("cooldown", "min_delta", "min_rate"):
            _check(getattr(self, name) >= 0, name, getattr(self, name), "at least 0")
        _check(
            self.threshold in ("relative", "absolute"),
            "threshold",
            self.threshold,
            "'relative' or 'absolute'",
        )
        _check(self.mode in ("auto", "min", "max"), "mode", self.mode, "'auto', 'min' or 'max'")
        if self.mode == "auto":
            infer_mode(self.monitor)

    @property
    def direction(self) -> Literal["min", "max"]:
        """Which way the metric improves."""
        return infer_mode(self.monitor) if self.mode == "auto" else self.mode

    def start(self) -> PlateauState:
        """The state before the first observation."""
        return PlateauState()

    def update(
        self, state: PlateauState, observation: Observation
    ) -> tuple[PlateauState, Decision]:
        """Count one epoch."""
        value = observation.values.get(self.monitor)
        if value is None or not math.isfinite(value):
            return state, KEEP
        cooldown = max(0, state.cooldown - 1)
        wait = 0 if state.cooldown > 0 else state.wait
        if state.best is None or self._improves(value, state.best):
            return PlateauState(float(value), 0, cooldown), KEEP
        if cooldown > 0:
            return PlateauState(state.best, wait, cooldown), KEEP
        wait += 1
        rate = max(observation.rate * self.factor, self.min_rate)
        if wait < self.patience or rate >= observation.rate:
            return PlateauState(state.best, wait, cooldown), KEEP
        reason = (
            f"{self.monitor} has not improved on {state.best:.5g} for {wait} "
            f"epoch{'s' if wait > 1 else ''} (now {value:.5g})"
        )
        return (
            PlateauState(state.best, 0, self.cooldown),
            Decision(factor=rate / observation.rate, reason=reason),
        )

    def _improves(self, value: float, best: float) -> bool:
        margin = self.min_delta * (abs(best) if self.threshold == "relative" else 1.0)
        return value < best - margin if self.direction == "min" else value > best + margin


def infer_mode(monitor: str) -> Literal["min", "max"]:
    """Which way a metric improves, by its name; an error where the name doesn't tell.

    >>> infer_mode("val_accuracy"), infer_mode("val_a_loss")
    ('max', 'min')
    """
    name = monitor.lower()
    if _FALLS.search(name):
        return "min"
    if _RISES.search(name):
        return "max"
    raise InvalidInput(
        f"The name {monitor!r} doesn't tell whether less or more is better. "
        f'Write Plateau({monitor!r}, mode="min") or mode="max".'
    )


def _check(valid: bool, name: str, value: object, what: str) -> None:
    if not valid:
        raise InvalidInput(f"{name} must be {what}. Received: {name}={value!r}.")
