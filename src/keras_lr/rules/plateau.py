"""Reduce the rate when a metric stops improving."""

import math
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import ClassVar, Literal

from keras_lr.errors import InvalidInput
from keras_lr.rules.improvement import improves, improves_in_torch, infer_mode, smoothed
from keras_lr.rules.looks import Time, amount_of, check_every, tidy_time
from keras_lr.rules.rule import KEEP, Decision, Observation, floored, register
from keras_lr.rules.settings import check, check_monitor, make_numbers


@dataclass(frozen=True)
class PlateauState:
    """The best value so far, and how long ago it was.

    Args:
        best: The best value of the metric (smoothed, if it is), or `None` before the first.
        wait: Time since the last improvement, in the unit of `patience`.
        cooldown: What is left of the cooldown, in its unit.
        mean: The smoothed value.
        seen: Values in the smoothed one.
        step: Updates done at the last look.
        epoch: The epoch of the last look.
    """

    best: float | None = None
    wait: int = 0
    cooldown: int = 0
    mean: float = 0.0
    seen: int = 0
    step: int = 0
    epoch: int = 0


@register
@dataclass(frozen=True)
class Plateau:
    """Multiply the rate by `factor` after `patience` without improvement.

    The counting is that of `keras.callbacks.ReduceLROnPlateau`: with a constant metric and
    `patience=2` the first cut comes at the third observation. What differs: the threshold is
    relative by default, so that the scale of a loss doesn't matter; NaN and inf never count as
    progress, never as a reason to cut either (that is `Divergence`'s work); and the default factor
    is gentle, because a false alarm at 0.1 costs more than a late cut at 0.5. A cut begins the
    count anew, but the best value stays: what follows has to beat it.

    Args:
        monitor: The metric to watch, a key of the logs.
        factor: What to multiply the rate by, in (0, 1).
        patience: Time without improvement before a cut: a whole number of epochs, at least 1, or
            a text, `"2000 steps"` (updates). With `every` the unit is always written:
            `"20 looks"`, `"1000 steps"` or `"3 epochs"`.
        min_delta: What counts as an improvement: a share of the best value (relative) or a
            difference from it (absolute).
        threshold: `"relative"` or `"absolute"`.
        cooldown: Time after a cut in which waiting doesn't start; written as `patience` is.
        min_rate: The rate apart from `LearningRate`'s schedule (base × reduction) is never cut
            below this; in a `MultiOptimizer` the lowest member's isn't.
        mode: `"min"`, `"max"`, or `"auto"`: decided by the metric's name.
        smoothing: The weight of the past in an exponential moving average of the metric, in
            [0, 1); improvement is judged on the average. 0 takes the values as they are; 0.9
            averages over about ten.
        every: Look every so many updates, at the mean of a training metric over them; `None` looks
            at epochs' ends. A `val_` metric comes at epochs' ends only.
        restore_best: Before a cut, go back to the weights and the optimizer's state at the best
            value. Smoothing begins anew there.
        semantics: `"keras"`, or `"torch"`: as `torch.optim.lr_scheduler.ReduceLROnPlateau` counts.
            There a cut comes when waiting is *longer* than `patience` (which may be 0), the last
            look of a cooldown isn't counted yet, and a relative threshold is a factor of the best
            value. With a constant metric, `patience=2` and `cooldown=2` cuts are 3 looks apart in
            Keras and 5 in torch.
        eps: A cut that changes the rate by no more than this isn't made (torch's default is 1e-8).

    Raises:
        InvalidInput: For settings that can't work, or that could mean two things.

    Source: `keras.callbacks.ReduceLROnPlateau` (Keras 3), `torch.optim.lr_scheduler`.

    >>> rule = Plateau("loss", patience=1)
    >>> state, _ = rule.update(rule.start(), Observation(100, 0, {"loss": 1.0}))
    >>> state, decision = rule.update(state, Observation(200, 1, {"loss": 1.0}))
    >>> decision.factor
    0.5
    """

    monitor: str = "val_loss"
    factor: float = 0.5
    _: KW_ONLY
    patience: Time = 5
    min_delta: float = 1e-3
    threshold: Literal["relative", "absolute"] = "relative"
    cooldown: Time = 0
    min_rate: float = 0.0
    mode: Literal["auto", "min", "max"] = "auto"
    smoothing: float = 0.0
    every: int | None = None
    restore_best: bool = False
    semantics: Literal["keras", "torch"] = "keras"
    eps: float = 0.0

    name: ClassVar[str] = "plateau"
    restores: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_monitor(self.monitor, "Plateau")
        make_numbers(self, "factor", "min_delta", "min_rate", "smoothing", "eps")
        check(self, 0 < self.factor < 1, "factor", "in (0, 1)")
        check(self, 0 <= self.smoothing < 1, "smoothing", "at least 0 and below 1")
        for name in ("min_delta", "min_rate", "eps"):
            check(self, getattr(self, name) >= 0, name, "at least 0")
        _refuse_number(self.threshold)
        for name, allowed in (
            ("threshold", ("relative", "absolute")),
            ("mode", ("auto", "min", "max")),
            ("semantics", ("keras", "torch")),
        ):
            check(self, getattr(self, name) in allowed, name, " or ".join(map(repr, allowed)))
        check(self, isinstance(self.restore_best, bool), "restore_best", "True or False")
        object.__setattr__(self, "every", check_every(self.every, self.monitor))
        least = {"patience": 1 if self.semantics == "keras" else 0, "cooldown": 0}
        for name, smallest in least.items():
            time = tidy_time(getattr(self, name), name, every=self.every, least=smallest)
            object.__setattr__(self, name, time)
        if self.mode == "auto":
            infer_mode(self.monitor)

    @property
    def direction(self) -> Literal["min", "max"]:
        """Which way the metric improves."""
        return infer_mode(self.monitor) if self.mode == "auto" else self.mode

    @property
    def units(self) -> frozenset[str]:
        """In what it counts time: "look", "step", "epoch"."""
        times = (time for time in (self.patience, self.cooldown) if time)
        return frozenset(amount_of(time, self.every).unit for time in times)

    def start(self) -> PlateauState:
        """The state before the first observation."""
        return PlateauState()

    def update(
        self, state: PlateauState, observation: Observation
    ) -> tuple[PlateauState, Decision]:
        """Count one look."""
        given = observation.values.get(self.monitor)
        if given is None or not math.isfinite(given):
            return state, KEEP
        value = smoothed(state.mean, float(given), self.smoothing, state.seen + 1)
        patience = amount_of(self.patience, self.every)
        rest = amount_of(self.cooldown, self.every)
        last = (state.step, state.epoch)
        cooldown = max(0, state.cooldown - rest.passed(*last, observation))
        seen = (value, state.seen + 1, observation.step, observation.epoch)

        if state.best is None or self._improves(value, state.best):
            return PlateauState(value, 0, cooldown, *seen), Decision(improved=self.restore_best)
        # Keras counts the look that ends a cooldown, torch doesn't.
        torch = self.semantics == "torch"
        resting = state.cooldown > 0 if torch else cooldown > 0
        wait = 0 if state.cooldown > 0 else state.wait
        if not resting:
            wait += patience.passed(*last, observation)
        due = not resting and (wait > patience.number if torch else wait >= patience.number)
        if not due:
            return PlateauState(state.best, wait, cooldown, *seen), KEEP
        after = PlateauState(state.best, 0, rest.number, *seen)
        factor = floored(self.factor, observation.rate, self.min_rate, self.eps)
        if factor == 1.0:
            # As each of them goes on when the rate is at its floor.
            return after if torch else PlateauState(state.best, wait, cooldown, *seen), KEEP
        if self.restore_best:
            # The average went with the weights that are left.
            after = PlateauState(state.best, 0, rest.number, 0.0, 0, *seen[2:])
        reason = self._reason(value, state.best, wait, patience.unit)
        return after, Decision(factor, reason=reason, restore_best=self.restore_best)

    def _improves(self, value: float, best: float) -> bool:
        better = improves_in_torch if self.semantics == "torch" else improves
        return better(
            value,
            best,
            direction=self.direction,
            min_delta=self.min_delta,
            relative=self.threshold == "relative",
        )

    def _reason(self, value: float, best: float, wait: int, unit: str) -> str:
        metric = f"{self.monitor}, smoothed," if self.smoothing else self.monitor
        unit = "epoch" if unit == "look" and self.every is None else unit
        reason = (
            f"{metric} has not improved on {best:.5g} for {wait} {unit}{'s' if wait > 1 else ''} "
            f"(now {value:.5g})"
        )
        return f"{reason}; back to the state at {best:.5g}" if self.restore_best else reason


def _refuse_number(threshold: object) -> None:
    """What is called threshold in torch is `min_delta` here, and its threshold_mode threshold."""
    if isinstance(threshold, Real) and not isinstance(threshold, bool):
        raise InvalidInput(
            "threshold says how min_delta is meant: 'relative' or 'absolute' (torch's "
            f"threshold_mode). Received: threshold={threshold!r}. For torch's threshold write "
            f"min_delta={threshold}."
        )
