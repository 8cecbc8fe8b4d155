"""What the runs say: recovery, robustness, time to target, false drops, with their intervals.

A cell is a task with an optimizer. The final loss of a run is its validation loss after the last
update; a run that ends with no finite loss, or above the loss before training, counts with that
loss: nothing was learned. A policy's best rate is the one with the lowest mean over seeds.

Intervals come from a paired bootstrap in two stages: cells are drawn with replacement, and in each
cell its seeds, the same for every policy; best rates are chosen anew in each draw.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.reducers.lanes import Runs

CONSTANT, COSINE, COOLDOWN = "constant", "cosine", "WSD, 20 %"
NEAR = 1.02
"""The target of the time: this many times the tuned cosine's final loss."""
FALLS = 0.1
"""A run still improves clearly when it loses this share of its excess loss..."""
WITHIN = 0.1
"""...within this share of the whole run."""
DRAWS = 2000

Cell = Mapping[str, Runs]


@dataclass(frozen=True)
class Interval:
    """A mean over cells and its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """What the table says of one policy.

    Args:
        policy: Its name.
        recovery: The share of the gain from constant to WSD, each at its own best rate, over the
            cells that have a clear gain; `None` where none has.
        worst: The lowest recovery of a cell.
        robustness: Loss above WSD's, mean over all rates of the grid, as a share of the whole
            progress L₀ − (tuned WSD's loss). Negative is better than WSD.
        time: Share of the run until the target was reached, at the best rate; 1 where it never was.
        reached: Share of runs that reached it.
        false_drops: Share of first cuts that were made while the constant run still improved
            clearly; `None` where none was judged.
        judged: How many first cuts that is a share of.
        cuts: Cuts in a run, mean over the grid.
        diverged: Share of the grid's runs that ended without a finite loss below the first one.
    """

    policy: str
    recovery: Interval | None
    worst: float | None
    robustness: Interval
    time: Interval
    reached: float
    false_drops: float | None
    judged: int
    cuts: float
    diverged: float


def final(runs: Runs) -> np.ndarray:
    """Final losses by seed and rate."""
    first, last = runs.validation[..., 0], runs.validation[..., -1]
    return np.where(np.isfinite(last), np.minimum(last, first), first)


def best_rate(runs: Runs) -> int:
    """The index of the rate with the lowest mean final loss."""
    return int(np.argmin(final(runs).mean(axis=0)))


def one_of(variants: list[Runs]) -> Runs:
    """The variant that ends lowest at its best rate: what tuning it would have found."""
    return min(variants, key=lambda runs: final(runs).mean(axis=0).min())


def gain(cell: Cell, seeds: np.ndarray) -> np.ndarray:
    """What a cooldown gains on a constant rate in each draw of seeds."""
    return _lowest(cell[CONSTANT], seeds) - _lowest(cell[COOLDOWN], seeds)


def gains_clearly(cell: Cell, random: np.random.Generator) -> bool:
    """Whether the cooldown's gain is above 0 in 95 of 100 draws of seeds."""
    seeds = _draws(cell, random)
    return bool(np.quantile(gain(cell, seeds), 0.05) > 0)


def recovery(cell: Cell, policy: str, seeds: np.ndarray) -> np.ndarray:
    """The share of that gain that a policy has, in each draw of seeds."""
    return (_lowest(cell[CONSTANT], seeds) - _lowest(cell[policy], seeds)) / gain(cell, seeds)


def robustness(cell: Cell, policy: str, seeds: np.ndarray) -> np.ndarray:
    """Loss above WSD's over all rates, in each draw of seeds."""
    more = (final(cell[policy]) - final(cell[COOLDOWN])).mean(axis=1)[seeds].mean(axis=1)
    return more / _progress(cell)


def time_to_target(cell: Cell, policy: str, seeds: np.ndarray) -> np.ndarray:
    """Share of the run until the target, in each draw of seeds; 1 where it wasn't reached."""
    return _times(cell, policy)[seeds].mean(axis=1)


def _times(cell: Cell, policy: str) -> np.ndarray:
    curves = _best_curves(cell[policy])
    there = curves <= NEAR * final(cell[COSINE]).mean(axis=0).min()
    return np.where(there.any(axis=1), there.argmax(axis=1) / (curves.shape[1] - 1), 1.0)


def _best_curves(runs: Runs) -> np.ndarray:
    return runs.validation[:, best_rate(runs)]


def _lowest(runs: Runs, seeds: np.ndarray) -> np.ndarray:
    return final(runs)[seeds].mean(axis=1).min(axis=1)


def _progress(cell: Cell) -> float:
    return float(
        cell[COOLDOWN].validation[..., 0].mean() - final(cell[COOLDOWN]).mean(axis=0).min()
    )


def _draws(cell: Cell, random: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    seeds = len(cell[CONSTANT].validation)
    return random.integers(0, seeds, (draws, seeds))


def first_cuts(cell: Cell, policy: str) -> tuple[int, int]:
    """How many first cuts were false, of how many that can be judged.

    Up to a run's first cut the constant run of the same rate and seed is the same run, so that it
    says what would have come without the cut. Judged are the first cuts of runs at the best
    constant rate or below it, in so far as there is time left to see. A cut is false when the
    training loss of the constant run (of its rate, without the batches' noise, mean over seeds and
    three looks) falls by `FALLS` of its excess over the lowest in the cell within the next
    `WITHIN` of the run.
    """
    constant = cell[CONSTANT]
    with np.errstate(invalid="ignore"):
        lowest = min(float(np.nanmin(runs.training)) for runs in cell.values())
    excess = constant.training.mean(axis=0) - lowest
    epochs = excess.shape[1] - 1
    ahead = max(1, round(WITHIN * epochs))
    first: dict[tuple[int, int], int] = {}
    for cut in cell[policy].cuts:
        at = (cut.seed, cut.lane)
        first[at] = min(first.get(at, cut.step), cut.step)
    false = judged = 0
    for (_, lane), step in first.items():
        look = step // constant.epoch
        if lane > best_rate(constant) or look + ahead > epochs:
            continue
        judged += 1
        now, then = (_around(excess[lane], at) for at in (look, look + ahead))
        false += bool(then < (1 - FALLS) * now)
    return false, judged


def _around(curve: np.ndarray, look: int) -> float:
    return float(curve[max(0, look - 1) : look + 2].mean())


def row(cells: Mapping[str, Cell], policy: str) -> Row:
    """All measures of one policy over some cells."""
    shares, more, times = [], [], []
    for index, cell in enumerate(cells.values()):
        random = np.random.default_rng([index, 1])
        every = np.arange(len(cell[CONSTANT].validation))[None]
        seeds = np.concatenate([every, _draws(cell, random)])
        if gains_clearly(cell, random):
            shares.append(recovery(cell, policy, seeds))
        more.append(robustness(cell, policy, seeds))
        times.append(time_to_target(cell, policy, seeds))
    counted = [first_cuts(cell, policy) for cell in cells.values()]
    false, judged = (sum(part) for part in zip(*counted, strict=True))
    runs = [cell[policy] for cell in cells.values()]
    return Row(
        policy,
        _interval(shares) if shares else None,
        min((float(share[0]) for share in shares), default=None),
        _interval(more),
        _interval(times),
        float(np.mean([_reached(cell, policy) for cell in cells.values()])),
        false / judged if judged else None,
        judged,
        float(np.mean([len(r.cuts) / r.validation[..., 0].size for r in runs])),
        float(np.mean([_diverged(r).mean() for r in runs])),
    )


def _reached(cell: Cell, policy: str) -> float:
    target = NEAR * final(cell[COSINE]).mean(axis=0).min()
    return float((_best_curves(cell[policy]) <= target).any(axis=1).mean())


def _diverged(runs: Runs) -> np.ndarray:
    first, last = runs.validation[..., 0], runs.validation[..., -1]
    return ~np.isfinite(last) | (last > first)


def _interval(cells: list[np.ndarray]) -> Interval:
    """The mean over cells, and its interval when cells are drawn too; each has 1 + draws values."""
    values = np.stack(cells)
    random = np.random.default_rng(2)
    count, draws = len(values), values.shape[1] - 1
    drawn = random.integers(0, count, (draws, count))
    means = values[:, 1:][drawn, np.arange(draws)[:, None]].mean(axis=1)
    low, high = np.quantile(means, (0.05, 0.95))
    return Interval(float(values[:, 0].mean()), float(low), float(high))
