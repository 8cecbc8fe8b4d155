"""The engine that trains a wave of trials on a Ray cluster."""

import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras_lr.engines.once import Once
from keras_lr.engines.portable import (
    Built,
    NotPortable,
    Packed,
    pack,
    pack_data,
    read_datasets,
    unpack_result,
)
from keras_lr.engines.ray import cluster
from keras_lr.engines.ray.groups import groups, structure
from keras_lr.engines.ray.mailbox import Mailbox
from keras_lr.engines.ray.options import RayOptions, Slot, slots
from keras_lr.engines.ray.store import Store
from keras_lr.engines.ray.task import Parcel, Shipped, train
from keras_lr.engines.trial import Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.errors import InvalidInput

ENVIRONMENT = {"KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Of the workers: the compiled engine is JAX's, whatever the driver trains with."""

OUT = 100
"""Tasks that may be out at once, if the cluster hasn't more slots: one that grows by itself grows by
what is asked for."""


class RayEngine:
    """Trains trials in groups, each a Ray task in which the compiled engine runs.

    Args:
        job: What the trials have in common. It is packed as plain data at once (datasets are read
            out for that: all epochs of one trial).
        options: Lanes, cores and GPUs of a task.
        arguments: Those of `build_model` for the trial whose order of batches all see, where a
            dataset has one of its own; by default none.

    Raises:
        MissingExtra: Ray isn't installed.
        InvalidInput: `ray.init` wasn't called; something of the job can't travel.
    """

    name = "ray"

    def __init__(
        self,
        job: Job,
        options: RayOptions | None = None,
        *,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.options = options or RayOptions()
        self.told = _Told()
        self._ray = cluster.connected()
        self._models = Built()
        self._count = 0
        self._given, self._arguments = job, arguments or {}
        self.store = Store(self._ray)
        self._take()
        self.mailbox = (
            self._ray.remote(Mailbox)
            .options(
                num_cpus=0, max_concurrency=10_000, scheduling_strategy=cluster.here(self._ray)
            )
            .remote()
        )
        self.posts = self.mailbox.collect.remote()
        # Workers stay after a task on a GPU too, with their programs; Ray would end them.
        self._task = self._ray.remote(max_calls=0, max_retries=0)(train)

    @property
    def plan(self) -> str:
        """How the trials so far were executed."""
        return str(self.told)

    @property
    def wave(self) -> int:
        """Trials wanted at once: enough to fill every slot of the cluster."""
        slot = self._slot()
        return self.options.wave or slot.lanes * slot.count

    def run(
        self,
        specs: Sequence[TrialSpec],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialResult]:
        """Train a wave of trials; see `Engine.run`.

        Raises:
            InvalidInput: An exchange is wanted: trials in different processes can't become each
                other.
        """
        if exchange is not None:
            raise InvalidInput(
                "A population's trials become copies of each other, so they have to train side by "
                'side in one process. Use engine="compiled".'
            )
        once = Once(len(specs), report, done, losses=self.options.losses)
        return _Run(self, list(specs), once).run()

    def reseed(self, seed: int) -> None:
        """Train from here on with another seed; data that is arrays, and the programs, stay there."""
        read = self.job is not self._given
        self._given = replace(self._given, seed=seed)
        self._models.forget()
        if read:
            self.store.forget()
            self._take()
        else:
            self.job = self._given

    def close(self) -> None:
        """Let the cluster have back what the engine keeps there: its mailbox and its data."""
        self._ray.kill(self.mailbox)
        self.store.forget()
        self._data_objects = []

    def _take(self) -> None:
        """Read out the data, and put it into the object store."""
        # Workers know the engine that has its programs by this; other data is another engine.
        self._name = uuid.uuid4().hex
        try:
            self.job = read_datasets(self._given, self._arguments)
            data = pack_data(self.job)
        except NotPortable as error:
            raise _refusal(error) from error
        self._data, self._data_objects = self._ship(data)

    def _slot(self) -> Slot:
        return slots(self.options, cluster.nodes(self._ray))

    def _ship(self, packed: Packed) -> tuple[Shipped, list[Any]]:
        places, references = self.store.put(packed.arrays)
        return Shipped(packed.text, tuple(places), len(references)), references

    def pack(self, specs: Sequence[TrialSpec]) -> Packed:
        """Trials and their model as plain data.

        Raises:
            NotPortable: They can't travel.
            Exception: What `build_model` raises, and a model that doesn't fit the data.
        """
        return pack(self.job, specs, data=False, models=self._models)

    def send(self, group: Sequence[int], packed: Packed, slot: Slot) -> Any:
        """Send trials out as a task; returns the reference of its outcome and its number."""
        import keras_lr

        job, objects = self._ship(packed)
        self._count += 1
        parcel = Parcel(
            self._count, tuple(group), job, self._data, self._name, keras_lr.__version__
        )
        task = self._task.options(
            num_cpus=slot.num_cpus,
            num_gpus=slot.num_gpus,
            name=f"keras-lr: {len(group)} trials",
            runtime_env=_environment(self.options, slot),
        )
        return task.remote(parcel, self.mailbox, *objects, *self._data_objects), self._count


class _Run:
    """One call of `RayEngine.run`."""

    def __init__(self, engine: RayEngine, specs: list[TrialSpec], once: Once) -> None:
        self.engine = engine
        self.ray = engine._ray
        self.specs = specs
        self.once = once
        self.slot = engine._slot()
        self.running: dict[Any, tuple[int, list[int]]] = {}
        cut = groups(
            len(specs),
            lambda trial: structure(specs[trial]),
            lanes=self.slot.lanes,
            slots=self.slot.count,
        )
        self.waiting = deque(cut)

    def run(self) -> list[TrialResult]:
        """Send every trial out, and handle what comes back until all have ended."""
        try:
            while self.waiting or self.running:
                if self._has_room():
                    # One at a time: who trains already isn't kept waiting for other's models.
                    self._send(self.waiting.popleft())
                if self.running:
                    self._collect(timeout=0 if self._has_room() else None)
        finally:
            # After Ctrl-C or an error: nothing goes on that nobody waits for.
            for reference in self.running:
                self.ray.cancel(reference, force=True)
        return self.once.collect()

    def _has_room(self) -> bool:
        """Whether a task more may be sent: what waits at the cluster takes its memory."""
        return bool(self.waiting) and len(self.running) < max(OUT, 2 * self.slot.count)

    def _collect(self, timeout: float | None) -> None:
        """Handle what has come back; waits so many seconds for it, `None` for as long as it takes."""
        posts = self.engine.posts
        ready, _ = self.ray.wait([posts, *self.running], num_returns=1, timeout=timeout)
        if posts in ready:
            # Asked for again at once: what is asked for and not taken would be lost.
            self.engine.posts = self.engine.mailbox.collect.remote()
            self._answer(self.ray.get(posts))
        for reference in ready:
            if reference in self.running:
                self._close(reference)

    def _send(self, group: list[int]) -> None:
        try:
            packed = self.engine.pack([self.specs[trial] for trial in group])
        except NotPortable as error:
            refusal = _refusal(error)
            if not self.engine.told.tasks:
                raise refusal from error
            # Others train already: they needn't pay for the trial that is to blame.
            self.waiting.extendleft(self.once.failed(group, refusal))
            return
        except InvalidInput:
            raise
        except Exception as error:
            # build_model fails with their arguments, which are the same in a group.
            for trial in group:
                self.once.done(trial, TrialResult(error=error))
            return
        reference, number = self.engine.send(group, packed, self.slot)
        self.running[reference] = number, group
        self.engine.told.tasks += 1

    def _answer(self, posts: list[tuple[int, int, str, Any]]) -> None:
        numbers = {number for number, _ in self.running.values()}
        answers: dict[int, Any] = {}
        for post, task, kind, content in posts:
            if task not in numbers:
                continue  # of a worker that was given up; its trials are somebody else's
            if kind == "epoch":
                epoch, logs = content
                answers[post] = self.once.together(epoch, logs)
            else:
                trial, packed = content
                answers[post] = self.once.done(trial, unpack_result(packed))
        self.engine.mailbox.answer.remote(answers)

    def _close(self, reference: Any) -> None:
        """Take in a task that came to its end, or send out again what it was training."""
        _, group = self.running.pop(reference)
        try:
            outcome = self.ray.get(reference)
        except cluster.losses(self.ray) as error:
            self._again(group, error)
            return
        except self.ray.exceptions.RayTaskError as error:
            cause = _cause(error)
            if isinstance(cause, InvalidInput):
                raise cause from error
            # The others needn't pay for the trial that is to blame.
            self.waiting.extendleft(self.once.failed(group, cause))
            return
        self.engine.told.add(outcome)
        for trial, weights in outcome["weights"].items():
            self.once.keep(trial, [weight.copy() for weight in weights])

    def _again(self, group: list[int], error: Exception) -> None:
        why = " ".join(str(error).split("\n")[0].split())
        node = isinstance(error, self.ray.exceptions.NodeDiedError)
        self.engine.told.lost += 1
        self.waiting.extendleft(self.once.again(group, why, alone=not node))


@dataclass
class _Told:
    """What `plan` tells.

    Args:
        tasks: How many were sent.
        lost: Of them, whose worker was lost.
        kept: Of them, whose worker had its programs from another before.
        plan: How the last one was executed.
    """

    tasks: int = 0
    lost: int = 0
    kept: int = 0
    plan: str = "none ended"

    def add(self, outcome: dict[str, Any]) -> None:
        self.plan = outcome["plan"]
        self.kept += outcome["kept"]

    def __str__(self) -> str:
        if not self.tasks:
            return "nothing ran yet"
        lost = f", {self.lost} lost and sent again" if self.lost else ""
        return f"{self.tasks} Ray tasks{lost}; {self.plan}"


def _environment(options: RayOptions, slot: Slot) -> dict[str, Any]:
    given = dict(options.runtime_env)
    variables = dict(ENVIRONMENT)
    if 0 < slot.num_gpus < 1:
        # JAX takes three quarters of a GPU's memory by default; tasks that share one share that.
        variables["XLA_PYTHON_CLIENT_MEM_FRACTION"] = f"{0.75 * slot.num_gpus:.3f}"
    return {**given, "env_vars": {**variables, **given.get("env_vars", {})}}


def _refusal(error: NotPortable) -> InvalidInput:
    """What can't travel is an error of the user's: he asked for other machines."""
    return InvalidInput(
        f"Other machines can't train this: {error}. Mend that, or use engine='auto' on this machine."
    )


def _cause(error: Any) -> Exception:
    """What went wrong in a task, as the error that the compiled engine would have raised here."""
    cause = error.cause if isinstance(error.cause, Exception) else error
    if isinstance(cause, NotPortable):
        return _refusal(cause)
    if isinstance(cause, ImportError):
        return InvalidInput(
            f"A node of the cluster can't run trials: {cause}. Install the same there as here: "
            'pip install "keras-lr[ray]".'
        )
    return cause
