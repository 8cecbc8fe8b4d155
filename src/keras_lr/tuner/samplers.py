"""Optuna's samplers by name, each seeded by a trial's number.

So a trial's parameters depend on its number and on what is known, and on nothing else: not on how
many were asked for at once, nor on how often the study stopped and went on.
"""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any, Literal

from keras_lr.errors import InvalidInput, nearest
from keras_lr.tuner.numbered import numbered_sampler

SAMPLERS = ("tpe", "random")
"""Samplers by name."""

Sampler = Literal["tpe", "random"]


def as_sampler(given: Any, seed: int, distributions: Mapping[str, Any] | None = None) -> Any:
    """An Optuna sampler.

    Args:
        given: One, or a name of `SAMPLERS`; `None` is "tpe".
        seed: Of those by name.
        distributions: What every trial draws from, Optuna's by name, where it is known.

    Raises:
        InvalidInput: It is neither.
    """
    import optuna

    if isinstance(given, optuna.samplers.BaseSampler):
        return given
    if given is None or given == "tpe":
        return numbered_sampler()(seed, distributions)
    if given == "random":
        return random_sampler()(seed)
    if isinstance(given, str):
        raise InvalidInput(f"Unknown sampler {given!r}. {nearest(given, SAMPLERS)}")
    raise InvalidInput(
        'sampler is a name, such as "random", or an Optuna sampler. Write e.g. sampler='
        f"optuna.samplers.TPESampler(seed=0). Received: {given!r}."
    )


@functools.cache
def random_sampler() -> type:
    """The class, made when Optuna is first needed."""
    import optuna

    class NumberedRandom(optuna.samplers.BaseSampler):
        """Optuna's random sampler, seeded anew for every trial and parameter.

        Args:
            seed: The study's.
        """

        learns_nothing = True

        def __init__(self, seed: int) -> None:
            self.seed = seed

        def infer_relative_search_space(self, study: Any, trial: Any) -> Mapping[str, Any]:
            """See `optuna.samplers.BaseSampler`."""
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Mapping[str, Any]:
            """See `optuna.samplers.BaseSampler`."""
            return {}

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: Any
        ) -> Any:
            """See `optuna.samplers.BaseSampler`."""
            text = f"{self.seed}:{trial.number}:{param_name}"
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
            return optuna.samplers.RandomSampler(seed=seed).sample_independent(
                study, trial, param_name, param_distribution
            )

    return NumberedRandom
