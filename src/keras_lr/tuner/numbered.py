"""A sampler whose draws depend on a trial's number and on what is known, and on nothing else."""

import functools
import hashlib
from collections.abc import Mapping
from typing import Any


@functools.cache
def numbered_sampler() -> type:
    """The class, made when Optuna is first needed."""
    import optuna

    class NumberedTPE(optuna.samplers.BaseSampler):
        """Optuna's TPE, seeded anew for every trial and parameter by the trial's number.

        TPE's own generator moves on with every draw, so a study that stops and goes on would draw
        other parameters than one that doesn't, and two processes with the same seed would draw the
        same ones. Here trial 17 gets the same parameters in both, given that the same trials have
        been told.

        Args:
            seed: The study's.
            distributions: Optuna's, by name, where every trial draws from the same ones. (Otherwise
                TPE looks for what all trials have in common, before each draw, in all of them.)
        """

        def __init__(self, seed: int, distributions: Mapping[str, Any] | None = None) -> None:
            self.seed = seed
            self.distributions = None
            if distributions is not None:
                drawn = sorted(distributions.items())
                self.distributions = {name: kind for name, kind in drawn if not kind.single()}

        def _tpe(self, trial: Any, name: str = "") -> Any:
            text = f"{self.seed}:{trial.number}:{name}"
            digest = hashlib.sha256(text.encode()).digest()
            return optuna.samplers.TPESampler(seed=int.from_bytes(digest[:4]), constant_liar=True)

        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            """See `optuna.samplers.BaseSampler`."""
            if self.distributions is not None:
                return self.distributions
            return self._tpe(trial).infer_relative_search_space(study, trial)

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            """See `optuna.samplers.BaseSampler`."""
            return self._tpe(trial).sample_relative(study, trial, search_space)

        def sample_independent(
            self, study: Any, trial: Any, param_name: str, param_distribution: Any
        ) -> Any:
            """See `optuna.samplers.BaseSampler`."""
            tpe = self._tpe(trial, param_name)
            return tpe.sample_independent(study, trial, param_name, param_distribution)

    return NumberedTPE
