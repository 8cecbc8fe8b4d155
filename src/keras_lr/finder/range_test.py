"""The range test: train once while the rate rises exponentially, and see what the loss does.

Smith (2017), with the smoothing and the stop of Gugger's write-up and of fastai. It runs on any
backend, through `model.fit`: the rate is a function of the update, traced into the training step,
and each of `fit`'s epochs is one update, so that the loss in its logs is that update's own (within
an epoch Keras logs running means). Its suggestion is a fixed fraction of the rate with the lowest
smoothed loss.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_lr.errors import InvalidInput
from keras_lr.finder.batches import Batches
from keras_lr.finder.finding import Finding
from keras_lr.finder.preserve import untouched
from keras_lr.finder.refusal import never_fell
from keras_lr.finder.suggest import below_minimum, smooth, suggestions
from keras_lr.rate import leaves
from keras_lr.rate.followed import follow
from keras_lr.rate.leaves import batches_per_update

RANGE = (1e-6, 10.0)
"""The rates swept where none are given."""
UPDATES = 400
"""Updates of a sweep."""
BETA = 0.98
"""The smoothing."""
DIVISORS = {False: 10.0, True: 4.0}
"""What the rate of the lowest loss is divided by: for a constant rate, for one that decays."""
_EXTENSION = 2 / 7
"""How far a sweep that hasn't seen the loss rise goes on, as a share of its length (in log)."""


def range_test(
    model: Any,
    batches: Batches,
    *,
    rates: tuple[float, float] = RANGE,
    updates: int = UPDATES,
    decays: bool = False,
    extend: bool = True,
    told: Callable[[int], None] | None = None,
) -> Finding:
    """Sweep the rate from low to high on an untouched copy of `model`.

    Args:
        model: A compiled model.
        batches: What to train on; repeated as often as needed.
        rates: The lowest and the highest rate.
        updates: Updates between the two.
        decays: Whether the run to come decays its rate.
        extend: Go on beyond the highest rate, by up to two decades in seven, if the loss is still
            falling there.
        told: Called with the updates that are done.

    Returns:
        A finding with `learning_rate=None` where the curve allows no answer.
    """
    started = time.perf_counter()
    with untouched(model, sample=batches.sample, learning_rate=1.0) as working:
        tried, losses = _sweep(working, batches, rates, updates, extend, told)
    return judge(tried, losses, rates, decays=decays, seconds=time.perf_counter() - started)


def _sweep(
    working: Any,
    batches: Batches,
    rates: tuple[float, float],
    updates: int,
    extend: bool,
    told: Callable[[int], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The rate and the loss of every update, in order."""
    import keras

    ratio = float(np.log(rates[1] / rates[0])) / max(1, updates - 1)
    placed = follow(working.optimizer, settle=lambda: False)  # taken down by `untouched`
    for rate in placed:
        steps = -int(rate.leaf._iterations.numpy())
        rate.parts["sweep"] = (
            lambda step: rates[0] * keras.ops.exp(ratio * keras.ops.cast(step, "float32")),
            steps,
        )
    watch = _watch(placed[0], updates, updates + round(_EXTENSION * updates) * extend, told)
    working.fit(
        iter(batches),
        steps_per_epoch=_accumulated(working.optimizer),
        epochs=2 * watch.most,  # steps that loss scaling skips take an epoch too
        shuffle=False,
        verbose=0,
        callbacks=[watch],
    )
    return rates[0] * np.exp(ratio * np.array(watch.steps)), np.array(watch.losses)


def _accumulated(optimizer: Any) -> int:
    counts = [optimizer, *leaves(optimizer)]
    return max(getattr(part, "gradient_accumulation_steps", None) or 1 for part in counts)


def _watch(rate: Any, updates: int, most: int, told: Callable[[int], None] | None = None) -> Any:
    """A callback that notes each update's loss, and stops where the sweep has seen enough."""
    import keras

    class Watch(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.most = most
            self.steps: list[int] = []
            self.losses: list[float] = []
            self.average = 0.0
            self.best = np.inf
            self.best_at = 0
            self.start = np.nan
            self.done = 0
            self.offset = rate.parts["sweep"][1]

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            # Keras has synced JAX's state at an epoch's end, so this reads a plain variable.
            accumulated = batches_per_update(rate.leaf)
            done = (int(rate.leaf._iterations.numpy()) + self.offset) // accumulated
            loss = _loss(logs or {})
            if done > self.done or not np.isfinite(loss):
                self.steps.append(self.done)
                self.losses.append(loss)
                self.done = done
                if told is not None:
                    told(done)
                if self.enough(loss):
                    self.model.stop_training = True

        def enough(self, loss: float) -> bool:
            if not np.isfinite(loss):
                return True
            count = len(self.losses)
            self.average = BETA * self.average + (1 - BETA) * loss
            smoothed = self.average / (1 - BETA**count)
            self.start = smoothed if count == 1 else self.start
            # The average of the first few is as noisy as they are: a lucky first batch isn't a best.
            if count >= _settled(updates) and smoothed < self.best:
                self.best, self.best_at = smoothed, count
            # 4 × the best for a positive loss; a best near 0, or below it, needs the second term.
            margin = max(3 * abs(self.best), 0.1 * abs(self.start - self.best))
            if count > _settled(updates) and smoothed > self.best + margin:
                return True
            if count >= updates:
                return count >= self.most or self.best_at < 0.95 * updates
            return False

    return Watch()


def _loss(logs: dict[str, Any]) -> float:
    if "loss" not in logs:
        raise InvalidInput(
            'The model\'s train_step reports no "loss", which find compares. Return it among the '
            f"logs. Received: logs of {', '.join(logs) or 'nothing'}."
        )
    return float(logs["loss"])


def _settled(updates: int) -> int:
    """Updates until the average is one of enough losses to be compared."""
    return min(25, updates // 10)


def judge(
    rates: np.ndarray,
    losses: np.ndarray,
    asked: tuple[float, float],
    *,
    decays: bool,
    seconds: float = 0.0,
) -> Finding:
    """What a sweep says: a rate, or why none.

    Args:
        rates: Shape `(n,)`, ascending: the rate of each update.
        losses: Shape `(n,)`: its loss; only the last may be non-finite.
        asked: The range that was meant to be swept.
        decays: Whether the run to come decays its rate.
        seconds: What the sweep took.
    """
    whole = np.isfinite(losses)
    end = len(losses) if whole.all() else int(np.flatnonzero(~whole)[0])
    smoothed = np.full(len(losses), np.nan)
    smoothed[:end] = smooth(losses[:end], BETA)
    details: dict[str, Any] = {"batch_losses": losses, "decays": decays}

    def finding(learning_rate: float | None, reason: str) -> Finding:
        band = None if learning_rate is None else (learning_rate / 2, learning_rate * 2**0.5)
        return Finding(
            learning_rate, rates, smoothed, reason, "range", band, None, end, seconds, details
        )

    low, high = asked
    first = _settled(len(losses))
    if end <= max(first, 10):
        where = "at the first update" if end == 0 else f"after {end} updates, at {rates[end]:.2g}"
        return finding(
            None,
            f"The loss was not finite {where}. If the model trains at all, start lower: "
            f"learning_rates=({low / 1000:.0e}, {low:.0e}); else look for NaN, log(0) or a division "
            "by 0 in its inputs, layers and loss.",
        )
    # The average of the first few is as noisy as they are, and the last shoot up.
    part = slice(len(losses) // 10, end - 5)
    details["suggestions"] = suggestions(rates[part], smoothed[part])
    best = first + int(np.argmin(smoothed[first:end]))
    details["best"] = float(rates[best])
    flat = losses[: max(20, end // 10)]
    # A robust spread, and no start above the first loss, which no update has touched: at rates that
    # are too high from the start, the loss leaps, and then "falls" from there.
    spread = float(np.median(np.abs(np.diff(flat)))) * 1.4826 / 2**0.5
    start = min(float(flat.mean()), float(losses[0]) + 2 * spread)
    # The average's own spread, and that of the mean that it is compared with.
    noise = spread * ((1 - BETA) / (1 + BETA) + 1 / len(flat)) ** 0.5
    fall = start - float(smoothed[best])
    seen = f"from {start:.4g} to {smoothed[best]:.4g} at its lowest"
    if fall <= max(3 * noise, 1e-4 * abs(start)):
        return finding(None, never_fell(rates[0], rates[end - 1], losses[0], smoothed[best]))
    if best == end - 1 and end == len(losses):
        return finding(
            None,
            f"The loss was still falling at the highest rate, {rates[best]:.2g} ({seen}), so the "
            f"best lies above. Sweep higher: learning_rates=({low:.0e}, {high * 100:.0e}).",
        )
    divisor = DIVISORS[decays]
    learning_rate = below_minimum(rates[first:end], smoothed[first:end], divisor)
    if learning_rate < low:
        return finding(
            None,
            f"The smoothed loss was lowest at {rates[best]:.2g} ({seen}), and the rate to suggest, "
            f"{divisor:.0f} times below, lies under the range. "
            f"Sweep lower: learning_rates=({low / 100:.0e}, {high:.0e}).",
        )
    return finding(
        learning_rate,
        f"The smoothed loss was lowest at {rates[best]:.2g} ({seen}); {divisor:.0f} times below, "
        f"since the run's rate {'decays' if decays else 'is constant'}.",
    )
