"""Engines: what trains the trials of a study, or the members of a race.

`fit.FitEngine` is the readable reference: plain `model.fit`, any backend. `compiled` trains many
trials through one JAX program, and must give the same curves. `worker` does so in a process of its
own for models that train on another backend, and `portable` is what travels there.
"""

from keras_lr.engines.engine import Engine, NotCompilable, choose_engine
from keras_lr.engines.trial import Job, TrialResult, TrialSpec

__all__ = [
    "Engine",
    "Job",
    "NotCompilable",
    "TrialResult",
    "TrialSpec",
    "choose_engine",
]
