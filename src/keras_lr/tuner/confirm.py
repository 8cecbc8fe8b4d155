"""Confirmation: the best few trials trained again with other seeds.

The best of many trials is partly the luckiest (the winner's curse): it won with one draw of weights
and batches, and a rate at the brink of divergence can be that draw. So the best few are trained
again with seeds that nothing was chosen by, the same ones for each, and the best mean wins.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from keras_lr.engines import Engine
from keras_lr.engines.job_checks import whole
from keras_lr.engines.seed import LIMIT, check_seed
from keras_lr.engines.trial import Job, TrialResult, TrialSpec
from keras_lr.errors import InvalidInput
from keras_lr.lazy import call
from keras_lr.tuner.progress import Progress


@dataclass(frozen=True)
class Candidate:
    """A trial that was trained again.

    Args:
        number: The trial's.
        params: The trial's.
        searched: Its objective in the study, by which it was picked.
        values: Its objective with each seed; `None` where it diverged or failed.
    """

    number: int
    params: dict[str, Any]
    searched: float
    values: tuple[float | None, ...]

    @property
    def diverged(self) -> int:
        """How many of the seeds it didn't survive."""
        return self.values.count(None)

    @property
    def mean(self) -> float | None:
        """Its mean objective; `None` unless it survived all seeds."""
        ended = [value for value in self.values if value is not None]
        return statistics.fmean(ended) if ended and not self.diverged else None

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds; `None` with fewer than two, or if one diverged.

        >>> Candidate(0, {}, 0.4, (0.5, 0.7)).spread
        0.14142135623730948
        """
        ended = [value for value in self.values if value is not None]
        return statistics.stdev(ended) if len(ended) > 1 and not self.diverged else None


@dataclass(frozen=True)
class Confirmation:
    """What `Study.confirm` gives back.

    Args:
        objective: The study's.
        direction: The study's.
        seeds: The seeds that were trained with.
        candidates: Best mean first; those that diverged with some seed behind all others.
        interrupted: Whether Ctrl-C ended it before all seeds were trained.
    """

    objective: str
    direction: Literal["minimize", "maximize"]
    seeds: tuple[int, ...]
    candidates: tuple[Candidate, ...]
    interrupted: bool = False

    @property
    def choice(self) -> Candidate | None:
        """The candidate with the best mean; `None` if all of them diverged with some seed."""
        first = self.candidates[0]
        return first if first.mean is not None else None

    def table(self) -> str:
        """The candidates as text, best first."""
        rows = [("trial", f"{self.objective} in the study", "mean", "spread", "each seed")]
        for one in self.candidates:
            told = " ".join("diverged" if v is None else f"{v:.4g}" for v in one.values)
            mean = "–" if one.mean is None else f"{one.mean:.4g}"
            spread = "–" if one.spread is None else f"± {one.spread:.2g}"
            rows.append((str(one.number), f"{one.searched:.4g}", mean, spread, told))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = []
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            lines.append("  ".join([*cells, row[4]]).rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The choice, in one line."""
        return f"Confirmation({call('keras_lr.watch.answers:confirmation_answer', self)})"

    def __str__(self) -> str:
        """The candidates as a table."""
        return self.table()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return call("keras_lr.watch.notebook:as_html", self)

    def plot(self) -> Any:
        """A plotly figure: each candidate's seeds, their mean, and what the study saw."""
        return call("keras_lr.watch.figures:confirmation_figure", self)


def pick_seeds(seeds: int | Sequence[int], own: int) -> tuple[int, ...]:
    """The seeds to train with: those that follow the study's own, or as given.

    Raises:
        InvalidInput: Fewer than one; the study's own, which the trials were chosen by; one twice.

    >>> pick_seeds(3, own=7)
    (8, 9, 10)
    """
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Sequence):
        return tuple((own + 1 + i) % LIMIT for i in range(whole(seeds, "seeds")))
    found = tuple(check_seed(seed, "seeds") for seed in seeds)
    if not found or len(set(found)) < len(found) or own in found:
        raise InvalidInput(
            "seeds is how many, or a list of different ones without the study's own, by which the "
            f"trials were chosen ({own}). Write e.g. seeds=5. Received: seeds={list(found)!r}."
        )
    return found


def train_again(
    specs: Mapping[int, TrialSpec],
    job: Job,
    seeds: Sequence[int],
    objective: str,
    *,
    engine: Callable[[Job], Engine],
    known: dict[tuple[int, int], float | None],
    note: Callable[[], None],
    progress: Progress,
) -> bool:
    """Train trials with each seed, side by side where the engine does.

    Args:
        specs: Trial number to trial.
        job: The study's.
        seeds: The seeds.
        objective: The logged value that is wanted of the last epoch.
        engine: An engine for a job, asked for once: it is given the other seeds, so that it
            compiles, or starts, once for all of them.
        known: `(number, seed)` to value, of what has been trained; what is trained is added.
        note: Called when a seed is done, or cut off.
        progress: Told of each epoch, and of each seed that is done.

    Returns:
        Whether all of it is done (not after Ctrl-C).

    Raises:
        Exception: What kept a trial from being trained; what was done before is noted.
    """
    running: Engine | None = None
    failed: list[Exception] = []

    def report(*_: Any) -> bool:
        progress.epoch()
        return False

    try:
        for seed in seeds:
            missing = [number for number in specs if (number, seed) not in known]
            if not missing:
                continue
            if running is None:
                running = engine(replace(job, seed=seed))
            else:
                running.reseed(seed)

            def done(index: int, result: TrialResult, seed: int = seed, of: Any = missing) -> bool:
                if result.error is None:
                    known[of[index], seed] = _value(result, objective)
                else:
                    failed.append(result.error)  # no finding about the trial: it may run again
                return False

            try:
                running.run([specs[number] for number in missing], report, done)
            finally:
                note()
            progress.wave(sum((n, s) in known for n in specs for s in seeds), None)
            if failed:
                raise failed[0]
    except KeyboardInterrupt:
        return False
    finally:
        if running is not None:
            running.close()
    return True


def ranked(candidates: Sequence[Candidate], direction: str) -> tuple[Candidate, ...]:
    """Best mean first, what didn't survive every seed behind; of equal ones the first by number."""
    sign = 1 if direction == "minimize" else -1

    def place(one: Candidate) -> tuple[int, float, int]:
        return one.diverged, sign * (one.mean or 0.0), one.number

    return tuple(sorted(candidates, key=place))


def _value(result: TrialResult, objective: str) -> float | None:
    curve = result.history.get(objective, [])
    return curve[-1] if result.finished and curve and math.isfinite(curve[-1]) else None
