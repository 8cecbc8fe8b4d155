"""What an engine is, and which one to use."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.errors import InvalidInput, KerasLRError, nearest


class NotCompilable(KerasLRError, RuntimeError):
    """The compiled engine can't run this job; the message is the reason."""


class Engine(Protocol):
    """Trains trials of one job. Every engine passes `tests/test_engines_contract.py`.

    Attributes:
        name: `"fit"`, `"compiled"` (here or in a worker beside this process) or `"ray"`.
    """

    name: str

    @property
    def wave(self) -> int:
        """How many trials it wants at once: the same on every engine of one machine, so that a seed
        gives the same trials on all of them."""
        ...

    @property
    def plan(self) -> str:
        """How the trials so far were executed, in one line."""
        ...

    def run(
        self,
        specs: Sequence[TrialSpec],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialResult]:
        """Train a wave of trials.

        Args:
            specs: The trials.
            report: Called after each epoch of each trial; `True` ends that trial.
            done: Called when a trial ends; `True` asks for its weights.
            exchange: Called between epochs; trials may go on as copies of others (`Become`).

        Returns:
            One result a spec, in their order.
        """
        ...

    def reseed(self, seed: int) -> None:
        """Train from here on as with a job of another seed; what can be kept (programs, processes,
        data on other machines) is kept.

        Args:
            seed: As in `Job`.
        """
        ...

    def close(self) -> None:
        """End what it keeps running beside this process; it isn't asked to train any more."""
        ...


def choose_engine(
    name: Any,
    job: Job,
    probe: Any,
    *,
    trials: int | None = None,
    schedules: bool = False,
    own: bool = True,
    arguments: Mapping[str, Any] | None = None,
) -> tuple[Engine, str | None]:
    """The engine of that name, or for `"auto"` the fastest that can run the job.

    Args:
        name: `"auto"`, `"compiled"`, `"fit"`, or `"ray"` (or its `RayOptions`).
        job: The job.
        probe: A model of the job, to look at; its variables may be created.
        trials: How many trials there will be, where that is known: few short ones don't outweigh
            the start of a process.
        schedules: Whether a trial may have a schedule.
        own: Whether trials go by the rate that the optimizer was built with.
        arguments: Those of `build_model` that the probe was built with.

    Returns:
        The engine, and why it isn't the compiled one where `"auto"` chose otherwise.

    Raises:
        InvalidInput: An unknown name, or `"compiled"` for a job that it can't run.
    """
    import keras

    from keras_lr.engines.fit import FitEngine
    from keras_lr.engines.ray import RayEngine, RayOptions

    if name == "ray" or isinstance(name, RayOptions):
        return RayEngine(job, None if isinstance(name, str) else name, arguments=arguments), None
    known = ("auto", "compiled", "fit", "ray")
    if name not in known:
        raise InvalidInput(f"Unknown engine {name!r}. {nearest(str(name), known)}")
    if name == "fit":
        return FitEngine(job), None
    if keras.backend.backend() == "jax":
        from keras_lr.engines.compiled.checks import obstacle
        from keras_lr.engines.compiled.engine import CompiledEngine

        reason = obstacle(job, probe, schedules=schedules, own=own)
        if reason is None:
            return CompiledEngine(job, fall_back=name == "auto", optimizer=probe.optimizer), None
    else:
        from keras_lr.engines.worker.choose import worker_engine

        found = worker_engine(
            job,
            probe,
            automatic=name == "auto",
            trials=trials,
            schedules=schedules,
            own=own,
            arguments=arguments,
        )
        if not isinstance(found, str):
            return found, None
        reason = found
    if name == "compiled":
        raise InvalidInput(f"The compiled engine can't run this: {reason}. Use engine='fit'.")
    return FitEngine(job), reason
