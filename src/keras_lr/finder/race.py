"""The race: short trainings at sixteen rates, from the same weights, on the same batches.

Each member trains for a tenth of the run (60 to 300 updates) at its rate, decayed to 0 if the run
to come decays; its score is the mean loss of the last tenth of that. All members run side by side
in one compiled program, on Keras with JAX. `docs/finding.md` has its regret against a grid of whole
runs, and the range test's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from keras_lr.finder.batches import Batches
from keras_lr.finder.finding import Finding
from keras_lr.finder.preserve import untouched
from keras_lr.finder.refusal import never_fell
from keras_lr.rate import leaves

LENGTH = (60, 300)
"""Fewest and most updates of a race."""
SHARE = 0.1
"""Its share of the run to come."""
TAIL = 0.1
"""The share of a race whose mean loss is a member's score."""
CONSTANT = 2**0.5
"""What the best is divided by for a constant rate, whose best value falls as a run gets longer.

Frozen after a comparison on five problems (`docs/finding.md`)."""


def race_length(steps: int | None) -> int:
    """Updates of a race for a run of `steps` updates; `None` for a run of unknown length.

    >>> race_length(1000), race_length(100), race_length(None)
    (100, 60, 300)
    """
    low, high = LENGTH
    return high if steps is None else int(np.clip(round(SHARE * steps), low, high))


def race(
    model: Any,
    batches: Batches,
    *,
    rates: np.ndarray,
    length: int = LENGTH[1],
    decays: bool = False,
    extend: bool = True,
    told: Callable[[int], None] | None = None,
) -> Finding:
    """Race `rates` against each other on an untouched copy of `model`.

    Args:
        model: A compiled model, on the JAX backend.
        batches: What to train on.
        rates: Shape `(n,)`, ascending, n ≥ 2.
        length: Updates of the race.
        decays: Whether the run to come decays its rate, so that the race does too.
        extend: If the best is at an edge, race half as many rates beyond it, once.
        told: Called with the updates that are done, every now and then.

    Returns:
        A finding with `learning_rate=None` where the race allows no answer.
    """
    started = time.perf_counter()
    with untouched(model, sample=batches.sample) as working:
        track = _Track(working, batches, length, decays)
        field = Field(rates, track.run(rates, told), track.accumulated)
        if extend and (edge := field.edge()):
            more = _beyond(rates, edge)
            field = field.joined(Field(more, track.run(more, told), track.accumulated))
    finding = judge(field, decays=decays)
    return replace(finding, steps=length, seconds=time.perf_counter() - started)


def _beyond(rates: np.ndarray, edge: int) -> np.ndarray:
    """Half as many rates beyond an edge (-1 the lowest, 1 the highest), as densely."""
    count = max(2, len(rates) // 2)
    ratio = (rates[-1] / rates[0]) ** (1 / (len(rates) - 1))
    powers = ratio ** np.arange(1, count + 1)
    return rates[-1] * powers if edge > 0 else np.sort(rates[0] / powers)


class _Track:
    """A model and its batches, ready for members to run on."""

    def __init__(self, working: Any, batches: Batches, length: int, decays: bool) -> None:
        from keras_lr.engines import internals
        from keras_lr.engines.compiled import Program

        counts = [working.optimizer, *leaves(working.optimizer)]
        self.accumulated = max(
            getattr(part, "gradient_accumulation_steps", None) or 1 for part in counts
        )
        self.length = length
        self.decays = decays
        self.batches = list(islice(batches, length * self.accumulated))
        internals.build(working, internals.epoch_iterator(batch for batch in self.batches[:2]))
        self.working = working
        self.program = Program(working)

    def run(self, rates: np.ndarray, told: Callable[[int], None] | None = None) -> np.ndarray:
        """Each member's loss at every update; float32, shape `(len(rates), length)`."""
        from keras_lr.engines.compiled import lockstep_losses

        shape = 1 - np.arange(self.length) / self.length if self.decays else np.ones(self.length)
        table = np.repeat(rates[:, None] * shape, self.accumulated, axis=1)
        each = None if told is None else lambda done: told(done // self.accumulated)
        losses = lockstep_losses(self.working, self.batches, table, program=self.program, told=each)
        return losses.reshape(len(rates), self.length, self.accumulated).mean(axis=2)


@dataclass(frozen=True)
class Field:
    """The members of a race and how they ran.

    Args:
        rates: Shape `(n,)`, ascending.
        curves: Shape `(n, steps)`: each member's loss at every update.
        accumulated: Batches of an update.
    """

    rates: np.ndarray
    curves: np.ndarray
    accumulated: int = 1

    def joined(self, other: "Field") -> "Field":
        """Both fields as one."""
        rates = np.concatenate([self.rates, other.rates])
        order = np.argsort(rates)
        curves = np.concatenate([self.curves, other.curves])
        return Field(rates[order], curves[order], self.accumulated)

    @property
    def tails(self) -> np.ndarray:
        """The last losses of each member, NaN throughout for one that diverged on the way."""
        count = max(1, round(TAIL * self.curves.shape[1]))
        tails = self.curves[:, -count:].astype(float)
        tails[~np.isfinite(self.curves).all(axis=1)] = np.nan
        return tails

    @property
    def scores(self) -> np.ndarray:
        """Shape `(n,)`: the mean loss of the tail; NaN for a member that diverged."""
        return self.tails.mean(axis=1)

    def best(self) -> int | None:
        """The index of the lowest score."""
        scores = self.scores
        return None if np.isnan(scores).all() else int(np.nanargmin(scores))

    def edge(self) -> int:
        """1 if the best is the highest rate, -1 if it is the lowest, 0 between or nowhere."""
        best = self.best()
        if best is None:
            return -1
        return int(best == len(self.rates) - 1) - int(best == 0)

    def behind(self, member: int, leader: int) -> tuple[float, float]:
        """How far a member is behind another, and that difference's standard error.

        Both saw the same batches, so the difference is freed of their noise.
        """
        gaps = self.tails[member] - self.tails[leader]
        spread = float(gaps.std(ddof=1)) if len(gaps) > 1 else 0.0
        return float(gaps.mean()), spread / len(gaps) ** 0.5


def judge(field: Field, *, decays: bool) -> Finding:
    """What a race says: a rate, or why none."""
    best = field.best()
    details: dict[str, Any] = {"decays": decays}
    low, high = float(field.rates[0]), float(field.rates[-1])

    def finding(learning_rate: float | None, reason: str) -> Finding:
        band = None if learning_rate is None else (learning_rate / 2, learning_rate * 2**0.5)
        return Finding(
            learning_rate,
            field.rates,
            field.scores,
            reason,
            "race",
            band,
            field.curves,
            field.curves.shape[1],
            details=details,
        )

    if best is None:
        return finding(
            None,
            f"All {len(field.rates)} rates from {low:.2g} to {high:.2g} diverged. If the model "
            f"trains at all, race lower: learning_rates=({low / 1e4:.0e}, {low:.0e}); else look "
            "for NaN, log(0) or a division by 0 in its inputs, layers and loss.",
        )
    details["best"] = float(field.rates[best])
    if not _fell(field, best):
        start = float(field.curves[:, 0].mean())
        return finding(None, never_fell(low, high, start, field.scores[best]))
    edge = field.edge()
    if edge:
        side, end = ("highest", high) if edge > 0 else ("lowest", low)
        wider = f"({low:.0e}, {high * 100:.0e})" if edge > 0 else f"({low / 100:.0e}, {high:.0e})"
        return finding(
            None,
            f"The {side} rate tried, {end:.2g}, did best, so the best may lie beyond. "
            f"Race further: learning_rates={wider}.",
        )
    top = _vertex(field, best)
    details["vertex"] = top
    reason = (
        f"The best of {len(field.rates)} rates after {field.curves.shape[1]} updates"
        f"{' of decay' if decays else ''} was {field.rates[best]:.2g}, with a loss of "
        f"{field.scores[best]:.4g}; between it and its neighbours the lowest is at {top:.2g}"
    )
    if not decays:
        top /= CONSTANT
        reason += f", and a longer run at a constant rate wants less: {top:.2g}"
    return finding(top, reason + ".")


def _fell(field: Field, best: int) -> bool:
    """Whether the best member learned: it beats the slowest, or its own beginning."""
    gap, error = field.behind(0, best)
    if gap > max(2 * error, 1e-4 * abs(field.scores[best])):
        return True
    tail = field.tails[best]
    head = field.curves[best, : len(tail)].astype(float)
    error = ((head.var() + tail.var()) / len(tail)) ** 0.5
    return bool(head.mean() - tail.mean() > max(3 * error, 1e-4 * abs(head.mean())))


def _vertex(field: Field, best: int) -> float:
    """The rate where a parabola through the best and its neighbours is lowest (in logarithms).

    Not above the best where the lower neighbour is as good within noise: too high costs more.
    """
    rate = float(field.rates[best])
    low, mid, high = (field.scores[index] for index in (best - 1, best, best + 1))
    if np.isnan([low, high]).any():
        return rate
    gap, error = field.behind(best - 1, best)
    tied = gap <= 2 * error
    if min(low, mid, high) > 0:  # losses of neighbours differ by factors
        low, mid, high = np.log([low, mid, high])
    left, right = np.log(field.rates[best - 1 : best + 2] / rate)[[0, 2]]
    before, after = (low - mid) / left, (high - mid) / right  # mean slopes on either side
    curvature = (after - before) / (right - left)
    if curvature <= 0:
        return rate
    shift = float(-(before - curvature * left) / (2 * curvature))
    return rate * float(np.exp(min(shift, 0.0) if tied else shift))
