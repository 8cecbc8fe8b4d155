"""A study's trials for a reader: which is best, which were lost, what differs between them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_lr.state.curve_names import rates_of
from keras_lr.tuner.edges import edges
from keras_lr.watch.style import number, schedule_words


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


def best_trial(study: Any) -> Any:
    """The study's best trial, or `None` when none completed."""
    if not any(t.state == "complete" and t.value is not None for t in study.trials):
        return None
    return study.best


def edge_warning(study: Any) -> str | None:
    """A sentence when the best trial lies at the edge of a range, the rate's first; else `None`.

    The best over several seeds, where that was asked for.
    """
    best = getattr(study, "confirmed", None) or best_trial(study)
    found = [] if best is None else edges(study.space, best.params)
    found = sorted(found, key=lambda edge: edge.name != "learning_rate")
    return " ".join(map(str, found)) or None


def ranked(study: Any) -> list[Any]:
    """The completed trials, best first."""
    done = [
        t
        for t in study.trials
        if t.state == "complete" and t.value is not None and math.isfinite(t.value)
    ]
    return sorted(done, key=lambda t: t.value, reverse=study.direction == "maximize")


def varied(study: Any) -> list[str]:
    """The parameters that differ between trials, in the space's order; all if none does."""
    keys = list(dict.fromkeys(key for trial in study.trials for key in trial.params))
    several = [k for k in keys if len({repr(t.params.get(k)) for t in study.trials}) > 1]
    return several or keys


def summary(params: Mapping[str, Any]) -> str:
    """Settings in a few words.

    >>> summary({"learning_rate": 0.12, "momentum": 0.9, "schedule": "none", "width": 8})
    '0.12 with momentum 0.9, constant, width 8'
    """
    params = {name: value for name, value in params.items() if (name, value) != ("rules", "none")}
    words = [number(params.pop("learning_rate"))] if "learning_rate" in params else []
    if "momentum" in params:
        words.append(f"with momentum {describe_value(params.pop('momentum'))}")
    head = " ".join(words)
    schedule = params.pop("schedule", None)
    rest = [] if schedule is None else [describe_value(schedule, "schedule")]
    rest += [str(params.pop("rules"))] if "rules" in params else []
    rest += [f"{key} {describe_value(value)}" for key, value in params.items()]
    return ", ".join([*([head] if head else []), *rest])


def describe_value(value: Any, name: str = "") -> str:
    """A parameter's value for a reader.

    Args:
        value: The value.
        name: The parameter's: no schedule is a constant rate.

    >>> describe_value(0.120001), describe_value(None, "rules"), describe_value(None, "schedule")
    ('0.12', 'none', 'constant')
    """
    if name == "schedule" and value in (None, "none"):
        return "constant"
    if isinstance(value, float):
        return number(value)
    return "none" if value is None else schedule_words(str(value))


def began_at(population: Any, trial: Any) -> float | None:
    """The rate with which a member's path began: that of its first ancestor."""
    return population.spec(trial.number).settings.get("learning_rate")


def ended_at(trial: Any) -> float | None:
    """The rate of a member's last epoch; `None` where it has none."""
    return next(iter(reversed(rate_path(trial))), None)


def rate_path(trial: Any) -> list[float]:
    """A member's rate at each epoch's end; of a `MultiOptimizer` its first member's."""
    names = rates_of(trial.history)
    return list(trial.history[names[0]]) if names else []
