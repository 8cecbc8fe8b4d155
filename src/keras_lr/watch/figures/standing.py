"""Which of a study's trials have a value, and which were lost."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Standing:
    """Trials as a chart places them.

    Args:
        good: Those with a value, and it.
        bad: Those that diverged, failed, or have none.
        worst: The worst value among the good, at which the bad are drawn; 1 where there is none.
    """

    good: Sequence[tuple[Any, float]]
    bad: Sequence[Any]
    worst: float

    @classmethod
    def of(cls, study: Any, trials: Sequence[Any]) -> "Standing":
        """That of some trials of a study."""
        values = [(trial, shown_value(trial, study)) for trial in trials]
        good = [
            (t, v) for t, v in values if v is not None and t.state not in ("diverged", "failed")
        ]
        kept = {id(trial) for trial, _ in good}
        extreme = max if study.direction == "minimize" else min
        worst = extreme((value for _, value in good), default=1.0)
        return cls(good, [t for t in trials if id(t) not in kept], worst)


def shown_value(trial: Any, study: Any) -> float | None:
    """A trial's objective; a pruned trial's is the last it reached."""
    value = trial.value
    if value is None:
        value = next(iter(reversed(trial.history.get(study.objective, []))), None)
    return value if value is not None and math.isfinite(value) else None
