"""Whether a model that trains on TensorFlow or torch is tuned in a JAX process, or why not."""

import sys
from collections.abc import Mapping
from typing import Any

from keras_lr.engines.job_checks import batches_of
from keras_lr.engines.portable import NotPortable
from keras_lr.engines.trial import Job
from keras_lr.engines.worker.engine import WorkerEngine
from keras_lr.engines.worker.process import missing

START = {"tensorflow": 1500, "torch": 2500}
"""Steps of `fit` in the time that a worker needs to start, and to compile its first program
(`python -m benchmarks.backends` measures both)."""

TRIAL = {"tensorflow": 150, "torch": 10}
"""Steps of `fit` in the time that `fit` takes to build a trial's model and to trace its step."""


def worker_engine(
    job: Job,
    probe: Any,
    *,
    automatic: bool,
    trials: int | None = None,
    schedules: bool = False,
    own: bool = True,
    arguments: Mapping[str, Any] | None = None,
) -> WorkerEngine | str:
    """The engine that trains in a JAX process, or in one line why it doesn't.

    Args:
        job: The job.
        probe: A model of the job.
        automatic: Whether nobody asked for it, so that it has to pay.
        trials: Trials in all, where that is known.
        schedules: Whether a trial may have a schedule.
        own: Whether trials go by the rate that the optimizer was built with.
        arguments: Those of `build_model` that the probe was built with.
    """
    import keras

    backend = keras.backend.backend()
    reason = missing() or _spread(probe)
    if reason is None and automatic:
        reason = too_short(backend, trials, batches_of(job), job.epochs)
    if reason is not None:
        return reason
    try:
        engine = WorkerEngine(job, fall_back=automatic, arguments=arguments)
    except NotPortable as error:
        return str(error)
    reason = engine.obstacle(probe, schedules=schedules, own=own)
    if reason is None and automatic and engine.platform == "cpu" and _has_accelerator(backend):
        reason = f"{backend} has an accelerator here that JAX hasn't"
    if reason is None:
        return engine
    engine.close()
    return reason


def too_short(backend: str, trials: int | None, batches: int | None, epochs: int) -> str | None:
    """Why `fit` is done before a worker has started, or `None` where the worker pays.

    Args:
        backend: What `fit` runs on.
        trials: Trials in all; `None` if unknown.
        batches: Steps in an epoch; `None` if unknown.
        epochs: Epochs of a trial.

    >>> too_short("torch", 4, 10, 3)
    'its 120 steps take less time than a JAX process takes to start'
    >>> too_short("torch", 64, 125, 5) is None
    True
    """
    if trials is None or batches is None:
        return None
    steps = trials * batches * epochs
    if steps + trials * TRIAL.get(backend, 0) >= START.get(backend, 0):
        return None
    return f"its {steps} steps take less time than a JAX process takes to start"


def _spread(probe: Any) -> str | None:
    import keras

    if keras.distribution.distribution() is not None:
        return "a keras.distribution is set, which another process doesn't have"
    strategy = getattr(probe, "distribute_strategy", None)
    if getattr(strategy, "num_replicas_in_sync", 1) > 1:
        return "the model is spread by a tf.distribute strategy, which another process doesn't have"
    return None


def _has_accelerator(backend: str) -> bool:
    if backend == "torch":
        torch = sys.modules["torch"]
        return torch.cuda.is_available() or torch.backends.mps.is_available()
    if backend == "tensorflow":
        return bool(sys.modules["tensorflow"].config.list_physical_devices("GPU"))
    return False
