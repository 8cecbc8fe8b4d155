"""Reduce the rate when there is no evidence any more that a loss falls."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar, Literal

from keras_lr.rules.improvement import infer_mode
from keras_lr.rules.looks import check_every
from keras_lr.rules.rule import KEEP, Decision, Observation, floored, register
from keras_lr.rules.settings import check, check_monitor, make_numbers


@dataclass(frozen=True)
class SlopeState:
    """The values that the line is laid through.

    Args:
        values: The last ones since the last cut, `window` at most.
    """

    values: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))  # JSON gives a list


@register
@dataclass(frozen=True)
class Slope:
    """Multiply the rate by `factor` when a line through the last values doesn't point down.

    Unlike `Plateau` it compares no best value, so that one lucky value can't hold up a cut and noise
    needs no threshold: it looks every `every` updates at the mean of the loss over them, lays a
    least-squares line through the last `window` means, and cuts when the probability that the line
    falls is below `probability`. It must be below it for all values and again without the highest
    `discard` of them, so that a spike that has passed isn't taken for a rise. After a cut the
    window begins anew; with the defaults a cut comes after 2000 updates at the earliest.

    With ``n`` values, the slope ``b`` and the residuals' variance ``s² = RSS / (n − 2)``, the slope's
    standard error is ``√(12 s² / (n³ − n))``, and the probability that it falls ``Φ(−b / SE)``: the
    normal distribution, as in dlib (with 38 and more degrees of freedom Student's t hardly differs,
    and at a probability near one half not at all).

    Args:
        monitor: The metric to watch, a key of the logs.
        factor: What to multiply the rate by, in (0, 1).
        window: Looks that the line is laid through, at least 10; below 40 noise decides much.
        every: Updates between two looks; `None` looks at epochs' ends, as a `val_` metric needs it.
        probability: Cut when the line falls with less probability than this, in (0, 1). At 0.51 a
            cut needs a line that is level or rises; more cuts sooner, and oftener by mistake.
        discard: The share of highest values that the second line leaves out, in [0, 0.5].
        min_rate: The rate apart from `LearningRate`'s schedule (base × reduction) is never cut
            below this.
        mode: `"min"`, `"max"`, or `"auto"`: decided by the metric's name. A metric that should rise
            is turned over.
        until: The update from which the rule no longer looks, e.g. where a cooldown begins; `None`
            looks to the end.

    Raises:
        InvalidInput: For settings that can't work.

    Source: dlib's `running_gradient` and `count_steps_without_decrease_robust`, and King 2018,
    "Automatic Learning Rate Scheduling That Really Works". dlib tries every length from the newest
    value back and asks for 2000 of them; here the length is one, the window's.

    >>> rule = Slope("loss", window=10, every=None)
    >>> state = SlopeState((0.3, 0.2, 0.3, 0.2, 0.3, 0.2, 0.3, 0.2, 0.3))
    >>> rule.update(state, Observation(1000, 9, {"loss": 0.3}))[1].factor
    0.5
    """

    monitor: str = "loss"
    factor: float = 0.5
    _: KW_ONLY
    window: int = 40
    every: int | None = 50
    probability: float = 0.51
    discard: float = 0.1
    min_rate: float = 0.0
    mode: Literal["auto", "min", "max"] = "auto"
    until: int | None = None

    name: ClassVar[str] = "slope"
    restores: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_monitor(self.monitor, "Slope", "loss")
        make_numbers(self, "factor", "probability", "discard", "min_rate")
        make_numbers(self, "window", whole=True)
        object.__setattr__(self, "every", check_every(self.every, self.monitor))
        if self.until is not None:
            make_numbers(self, "until", whole=True)
        check(self, self.until is None or self.until >= 0, "until", "at least 0, or None")
        check(self, 0 < self.factor < 1, "factor", "in (0, 1)")
        check(self, self.window >= 10, "window", "at least 10 looks")
        check(self, 0 < self.probability < 1, "probability", "in (0, 1)")
        check(self, 0 <= self.discard <= 0.5, "discard", "from 0 to 0.5")
        check(self, self.min_rate >= 0, "min_rate", "at least 0")
        check(self, self.mode in ("auto", "min", "max"), "mode", "'auto', 'min' or 'max'")
        if self.mode == "auto":
            infer_mode(self.monitor, "Slope")

    @property
    def direction(self) -> Literal["min", "max"]:
        """Which way the metric improves."""
        return infer_mode(self.monitor, "Slope") if self.mode == "auto" else self.mode

    def start(self) -> SlopeState:
        """The state before the first observation."""
        return SlopeState()

    def update(self, state: SlopeState, observation: Observation) -> tuple[SlopeState, Decision]:
        """Take in one look, and judge the window when it is full."""
        if self.until is not None and observation.step > self.until:
            return state, KEEP
        given = observation.values.get(self.monitor)
        if given is None or not math.isfinite(given):
            return state, KEEP
        values = (*state.values, float(given))[-self.window :]
        after = SlopeState(values)
        if len(values) < self.window:
            return after, KEEP
        factor = floored(self.factor, observation.rate, self.min_rate)
        if factor == 1.0:
            return after, KEEP
        seen = values if self.direction == "min" else tuple(-value for value in values)
        chance = probability_of_decrease(seen)
        if chance >= self.probability:
            return after, KEEP
        robust = probability_of_decrease(without_highest(seen, self.discard))
        if robust >= self.probability:
            return after, KEEP
        looks = f"{self.window} {'epochs' if self.every is None else f'× {self.every} updates'}"
        better = "falls" if self.direction == "min" else "rises"
        reason = (
            f"{self.monitor} {better} with probability {chance:.2g} over the last {looks} "
            f"({robust:.2g} without the {self.discard:.0%} worst), which is below "
            f"{self.probability:g}"
        )
        return SlopeState(), Decision(factor, reason=reason)


def probability_of_decrease(values: Sequence[float]) -> float:
    """How probable it is that the line through equally spaced values falls.

    Values without noise give 1 or 0, and ½ where they are all the same.

    Args:
        values: At least 3 finite ones, the oldest first.

    >>> probability_of_decrease([3.0, 2.0, 1.0]), probability_of_decrease([1.0, 1.0, 1.0])
    (1.0, 0.5)
    """
    n = len(values)
    # Only differences count, and the largest of them is 1, so that nothing overflows.
    size = max(abs(value / 2 - values[0] / 2) for value in values)
    if size == 0.0:
        return 0.5
    y = [(value / 2 - values[0] / 2) / size for value in values]
    mean = math.fsum(y) / n
    x = [i - (n - 1) / 2 for i in range(n)]
    slope = math.fsum(a * b for a, b in zip(x, y, strict=True)) * 12 / (n**3 - n)
    rss = math.fsum((b - mean - slope * a) ** 2 for a, b in zip(x, y, strict=True))
    error = math.sqrt(12 * rss / (n - 2) / (n**3 - n))
    if error == 0.0:
        return 0.5 if slope == 0.0 else float(slope < 0.0)
    return 0.5 * math.erfc(slope / error / math.sqrt(2))


def without_highest(values: Sequence[float], share: float) -> list[float]:
    """The values up to their quantile ``1 − share``, in their order and closed up, as in dlib.

    >>> without_highest([1.0, 9.0, 2.0, 3.0], 0.25)
    [1.0, 2.0, 3.0]
    """
    limit = sorted(values)[int((len(values) - 1) * (1 - share))]
    return [value for value in values if value <= limit]
