"""A trial as a study shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["complete", "pruned", "diverged", "failed"]


@dataclass(frozen=True)
class Trial:
    """One trial of a study.

    Args:
        number: Its number in the study, from 0 (Optuna's).
        params: What it was trained with: optimizer settings and arguments of `build_model` by
            value, `"schedule"` and `"rules"` by their text.
        value: The objective at its last epoch; `None` unless it is complete.
        state: `"complete"`; `"pruned"`, ended early by the pruner; `"diverged"`, its loss became
            NaN or infinite; `"failed"`, an error, in `error`.
        history: Each logged value, epoch by epoch, as in Keras's `History`.
        seconds: Its share of the wall-clock time.
        error: What went wrong in a failed trial.
    """

    number: int
    params: dict[str, Any]
    value: float | None
    state: State
    history: dict[str, list[float]] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    error: str | None = None


def ranked_trials(trials: Sequence[Trial], direction: str) -> list[Trial]:
    """The complete trials, best first; of equal ones the first by number."""
    sign = 1 if direction == "minimize" else -1
    complete = [t for t in trials if t.state == "complete" and t.value is not None]
    return sorted(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number))
