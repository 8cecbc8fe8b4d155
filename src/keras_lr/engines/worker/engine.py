"""The engine that hands a job to a JAX process, and takes back what became of its trials."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras_lr.engines.fit import train_left
from keras_lr.engines.once import Once
from keras_lr.engines.portable import (
    Built,
    NotPortable,
    Packed,
    pack,
    pack_data,
    pack_model,
    read_datasets,
    unpack_result,
)
from keras_lr.engines.portable.trials import as_error
from keras_lr.engines.trial import Become, Done, Exchange, Job, Report, TrialResult, TrialSpec
from keras_lr.engines.worker.process import Worker, WorkerDied
from keras_lr.errors import InvalidInput

LOSSES = 1
"""How often a trial's worker may die before the trial, left by itself, counts as failed."""


class WorkerEngine:
    """Trains trials by the compiled engine in a JAX process, whatever backend runs here.

    What can't travel, or can't be compiled, is trained here by `fit`, and `plan` says why.

    Args:
        job: What the trials have in common.
        fall_back: Train here by `fit` what can't go there, instead of raising.
        arguments: Those of `build_model` for the trial whose order of batches all see, where a
            dataset has one of its own; by default none.

    Raises:
        NotPortable: The data can't travel.

    Attributes:
        platform: What JAX runs on in the process, such as "cpu"; empty before it was started.
    """

    name = "compiled"
    wave = 16

    def __init__(
        self, job: Job, *, fall_back: bool = True, arguments: Mapping[str, Any] | None = None
    ) -> None:
        self.job = job
        self.fall_back = fall_back
        self.arguments = arguments or {}
        self.reasons: dict[str, None] = {}
        self._plan = ""
        self.platform = ""
        self._worker: Worker | None = None
        self._models = Built()
        self._begun = False
        self._sent = read_datasets(job, self.arguments)
        self._data = pack_data(self._sent)

    @property
    def plan(self) -> str:
        """How the trials were executed."""
        import keras

        told = (
            f"in a JAX process beside {keras.backend.backend()}: {self._plan or 'nothing ran yet'}"
        )
        return "; ".join([told, *self.reasons])

    def reseed(self, seed: int) -> None:
        """Train from here on with another seed; the process stays, and so do its programs.

        Unless the data are datasets: they are read again, in the order of that seed, and sent.
        """
        read = self._sent is not self.job
        self.job = replace(self.job, seed=seed)
        self._sent = read_datasets(self.job, self.arguments) if read else self.job
        self._models.forget()
        if read:
            self._data = pack_data(self._sent)
            self._begun = False

    def close(self) -> None:
        """End the process. A later `run` starts another one."""
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def obstacle(self, probe: Any, *, schedules: bool = False, own: bool = True) -> str | None:
        """Why a model of the job can't be trained in the worker, or `None` where it can.

        Args:
            probe: A model of the job; its variables are created if they weren't yet.
            schedules: Whether a trial may have a schedule.
            own: Whether trials go by the rate that the optimizer was built with.
        """
        try:
            worker = self._started()
            packed = pack_model(probe, self._sent)
        except (NotPortable, WorkerDied) as error:
            return str(error)
        except Exception:
            return None  # a model that can't be trained anywhere: so will its trials find
        try:
            model = worker.put("model", packed)
            job = worker.put("job", pack(self._sent, data=False, build=False))
            worker.send(do="check", job=job, model=model, schedules=schedules, own=own)
            return self._answer(worker, "checked")["reason"]
        except (NotPortable, WorkerDied) as error:
            return str(error)
        except _Raised as error:
            return f"the JAX process fails ({error})"

    def run(
        self,
        specs: Sequence[TrialSpec],
        report: Report,
        done: Done,
        exchange: Exchange | None = None,
    ) -> list[TrialResult]:
        """Train a wave of trials; see `Engine.run`."""
        places = range(len(specs))
        once = Once(len(specs), report, done, exchange, losses=LOSSES)
        here = self._sort(specs, once)
        there = [place for place in once.left(places) if place not in here]
        if exchange is None or not here:
            try:
                here |= self._there(specs, once, there)
            except BaseException:
                self.close()  # Ctrl-C, or an error: whatever it computes, nobody waits for
                raise
        if exchange is not None and here:
            # Those that ended too: each may be the source of a copy.
            here = dict.fromkeys(places, next(iter(here.values())))
        if here:
            self._here(specs, once, here)
        return once.collect()

    def _sort(self, specs: Sequence[TrialSpec], once: Once) -> dict[int, str]:
        """The trials that can't travel, and why; those that can't be built have failed."""
        here = {}
        for index, spec in enumerate(specs):
            try:
                pack(self._sent, [spec], data=False, models=self._models)
            except InvalidInput:
                raise
            except NotPortable as error:
                here[index] = str(error)
            except Exception as error:  # what `build_model` raises is the trial's outcome
                once.failed([index], error)
        return here

    def _there(self, specs: Sequence[TrialSpec], once: Once, places: list[int]) -> dict[int, str]:
        """Train trials in the worker; those that it leaves to be trained here, and why."""
        left: dict[int, str] = {}
        waiting = [places] if places else []
        while waiting:
            places = waiting.pop(0)
            try:
                left |= self._train(specs, once, places)
            except NotPortable as error:
                left |= dict.fromkeys(once.left(places), str(error))
            except _Raised as raised:
                waiting = once.failed(places, raised.error) + waiting
            except WorkerDied as death:
                # Memory is what a worker usually dies of, so fewer lanes at a time are tried.
                again = once.again(places, str(death))
                waiting = again + waiting
                count = sum(map(len, again))
                told = f"{_trials(count)} run again" if count else "last trial failed"
                self._say(f"{death}. Its {told}.")
        return left

    def _train(self, specs: Sequence[TrialSpec], once: Once, places: list[int]) -> dict[int, str]:
        worker = self._started()
        sent = [specs[index] for index in places]
        packed = pack(self._sent, sent, data=False, models=self._models)
        worker.send(do="run", wave=worker.put("wave", packed), exchange=once.exchange is not None)
        while True:
            message = self._answer(worker)
            event = message.pop("event")
            if event == "reports":
                logs = {places[trial]: values for trial, values in message["logs"]}
                ended = once.together(message["epoch"], logs)
                worker.send(answer=[n for n, place in enumerate(places) if place in ended])
            elif event == "done":
                result = unpack_result(Packed(message["result"]))
                worker.send(answer=once.done(places[message["trial"]], result))
            elif event == "exchange":
                assert once.exchange is not None
                becoming = once.exchange(message["epoch"], dict(message["logs"]))
                worker.send(answer=[[index, _plain(how)] for index, how in becoming.items()])
            elif event == "end":
                self._plan = message["plan"]
                for index in message["weights"]:
                    once.keep(places[index], worker.take(f"weights-{index}"))
                return {places[index]: reason for index, reason in message["left"]}

    def _here(self, specs: Sequence[TrialSpec], once: Once, reasons: Mapping[int, str]) -> None:
        for reason in reasons.values():
            if not self.fall_back:
                raise InvalidInput(
                    f"The compiled engine can't run this: {reason}. Use engine='fit'."
                )
            self.reasons[f"by fit here: {reason}"] = None
        train_left(self.job, {place: specs[place] for place in sorted(reasons)}, once)

    def _started(self) -> Worker:
        if self._worker is None or not self._worker.alive:
            self._worker = Worker()
            self._begun = False
        if not self._begun:
            self._worker.send(do="begin", data=self._worker.put("data", self._data))
            self.platform = self._answer(self._worker, "begun")["platform"]
            self._begun = True
        return self._worker

    def _answer(self, worker: Worker, event: str | None = None) -> dict[str, Any]:
        message = worker.receive()
        if message["event"] == "error":
            error = as_error(message["kind"], message["message"])
            raise error if isinstance(error, InvalidInput | NotPortable) else _Raised(error)
        assert event is None or message["event"] == event, message
        return message

    def _say(self, line: str) -> None:
        self.reasons[line.rstrip(".")] = None
        print(f"keras-lr: {line}", file=sys.stderr)


class _Raised(Exception):
    """Training raised in the process.

    Args:
        error: What.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def _plain(how: Become) -> dict[str, Any]:
    """What a trial goes on as, for a message."""
    return {"source": how.source, "factor": how.factor, "settings": dict(how.settings)}


def _trials(count: int) -> str:
    return f"{count} trial" + ("" if count == 1 else "s")
