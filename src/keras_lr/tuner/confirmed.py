"""A confirmation in the study's storage: what was trained isn't trained again."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras_lr.tuner.confirm import Candidate, Confirmation, ranked
from keras_lr.tuner.trial import Trial

_VALUES = "confirmed_values"
_LAST = "confirmed_last"

Values = Mapping[tuple[int, int], float | None]
"""`(trial, seed)` to the objective; `None` where the training diverged or failed."""


def stored_values(study: Any) -> dict[tuple[int, int], float | None]:
    """What the Optuna study holds."""
    found = study.user_attrs.get(_VALUES) or []
    return {(number, seed): value for number, seed, value in found}


def store_values(study: Any, values: Values) -> None:
    """Add to what it holds."""
    together = {**stored_values(study), **values}
    study.set_user_attr(_VALUES, [[n, s, value] for (n, s), value in together.items()])


def store_last(study: Any, numbers: Sequence[int], seeds: Sequence[int]) -> None:
    """Take note of what was confirmed last."""
    study.set_user_attr(_LAST, {"numbers": list(numbers), "seeds": list(seeds)})


def confirmation(
    trials: Sequence[Trial],
    seeds: Sequence[int],
    values: Values,
    *,
    objective: str,
    direction: Any,
    interrupted: bool = False,
) -> Confirmation:
    """The candidates, ranked.

    Args:
        trials: Those that were trained again.
        seeds: Seeds that all of them were trained with.
        values: What came of it.
        objective: The study's.
        direction: The study's.
        interrupted: Whether seeds are missing.
    """
    candidates = [
        Candidate(t.number, t.params, t.value or 0.0, tuple(values[t.number, s] for s in seeds))
        for t in trials
    ]
    return Confirmation(
        objective, direction, tuple(seeds), ranked(candidates, direction), interrupted
    )


def last_confirmation(
    study: Any, trials: Sequence[Trial], *, objective: str, direction: Any
) -> Confirmation | None:
    """The last confirmation of a stored study, if there was one."""
    last = study.user_attrs.get(_LAST)
    if not last:
        return None
    found = {trial.number: trial for trial in trials}
    values = stored_values(study)
    picked = [found[number] for number in last["numbers"] if number in found]
    known = all((trial.number, seed) in values for trial in picked for seed in last["seeds"])
    if not picked or not known:
        return None
    return confirmation(picked, last["seeds"], values, objective=objective, direction=direction)
