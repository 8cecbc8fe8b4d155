"""The worker's side: takes a job, and trains waves of its trials until its parent is gone."""

import os
import queue
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from keras_lr.engines.portable import (
    NotPortable,
    Packed,
    pack_result,
    renew,
    unpack,
    unpack_model,
)
from keras_lr.engines.trial import Become, TrialResult
from keras_lr.engines.worker import files
from keras_lr.engines.worker.channel import Channel


def serve(folder: Path) -> None:
    """Answer the parent's messages until it closes the channel, or dies.

    Args:
        folder: Where the files of both sides are; removed if the parent dies.
    """
    channel = Channel.of_this_process()
    inbox: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(channel, inbox, folder), daemon=True).start()
    server = _Server(folder, channel, inbox)
    try:
        while True:
            message = inbox.get()
            try:
                getattr(server, message.pop("do"))(**message)
            except Exception as error:
                channel.send(event="error", kind=type(error).__name__, message=str(error))
    except OSError:
        return  # nobody listens any more


def _listen(channel: Channel, inbox: queue.Queue, folder: Path) -> None:
    """Pass on what the parent says; when it says nothing any more, end, whatever is running."""
    try:
        while True:
            inbox.put(channel.receive())
    except (EOFError, OSError, ValueError):
        # The parent removes the folder itself, unless it was killed.
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


class _Server:
    """What the worker can be asked to do.

    Args:
        folder: Where the files are.
        channel: To the parent.
        inbox: From the parent.
    """

    def __init__(self, folder: Path, channel: Channel, inbox: queue.Queue) -> None:
        self.folder = folder
        self.channel = channel
        self.inbox = inbox
        self.engine: Any = None
        self.data: Packed | None = None

    def begin(self, data: str) -> None:
        """Import what training takes, and take the data; what was trained on others is let go."""
        import jax
        import keras

        from keras_lr.engines.portable.private import forget_tensorflow

        forget_tensorflow()
        self.engine, self.data = None, self._take(data)
        self.channel.send(
            event="begun",
            keras=keras.__version__,
            backend=keras.backend.backend(),
            platform=jax.default_backend(),
        )

    def check(self, job: str, model: str, schedules: bool, own: bool) -> None:
        """Say whether a model of the job can be made and compiled here, or why not."""
        from keras_lr.engines.compiled.checks import obstacle

        try:
            made, _ = unpack(self._take(job), self.data)
            probe = unpack_model(self._take(model))
            reason = obstacle(made, probe, schedules=schedules, own=own)
        except NotPortable as error:
            reason = str(error)
        self.channel.send(event="checked", reason=reason)

    def run(self, wave: str, exchange: bool) -> None:
        """Train a wave of trials."""
        job, specs = unpack(self._take(wave), self.data)
        if self.engine is None:
            self.engine = make_engine(job)
        renew(self.engine, job)
        models = self.engine.job.build_model
        left: dict[int, str] = {}
        for index, spec in enumerate(specs):
            try:
                models.prepare(**spec.arguments)
            except NotPortable as error:
                left[index] = str(error)
        places = [index for index in range(len(specs)) if index not in left]
        self.engine.left = {}
        results = self.engine.run(
            [specs[index] for index in places],
            _Reports(self._ask, places),
            lambda index, result: self._ask(
                event="done", trial=places[index], result=pack_result(result).text
            ),
            self._exchange if exchange else None,
        )
        left |= {places[index]: reason for index, reason in self.engine.left.items()}
        weights = []
        for index, result in zip(places, results, strict=True):
            if result.weights is not None:
                weights.append(index)
                files.write(self.folder / f"weights-{index}", Packed.of(result.weights, "weights"))
        told, self.engine.reasons = self.engine.reasons, []  # the parent tells them
        plan = self.engine.plan
        self.engine.reasons = told
        self.channel.send(event="end", plan=plan, weights=weights, left=[*left.items()])

    def _exchange(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> dict[int, Become]:
        told = [[index, dict(values)] for index, values in logs.items()]
        answer = self._ask(event="exchange", epoch=epoch, logs=told)
        return {index: Become(**become) for index, become in answer}

    def _ask(self, **message: Any) -> Any:
        self.channel.send(**message)
        return self.inbox.get()["answer"]

    def _take(self, name: str) -> Packed:
        path = self.folder / name
        packed = files.read(path)
        path.unlink()  # what is mapped stays readable
        return packed


class _Reports:
    """The report of a wave, which the parent answers: for trials side by side all at once."""

    def __init__(self, ask: Callable[..., Any], places: list[int]) -> None:
        self.ask = ask
        self.places = places

    def __call__(self, trial: int, epoch: int, logs: Mapping[str, float]) -> bool:
        return bool(self.together(epoch, {trial: logs}))

    def together(self, epoch: int, logs: Mapping[int, Mapping[str, float]]) -> set[int]:
        told = [[self.places[trial], dict(values)] for trial, values in logs.items()]
        ended = self.ask(event="reports", epoch=epoch, logs=told)
        return {trial for trial in logs if self.places[trial] in ended}


def make_engine(job: Any) -> Any:
    """The compiled engine, which here leaves to its parent what it can't compile."""
    from keras_lr.engines.compiled.engine import CompiledEngine

    class Engine(CompiledEngine):
        """Keeps the places of trials that its parent has to train, and why."""

        left: dict[int, str]

        def _by_fit(self, trials: Any, *_: Any, **__: Any) -> list[TrialResult]:
            for index, _spec, _inputs in trials:
                self.left[index] = self.reasons[-1]
            return [TrialResult() for _ in trials]

    return Engine(job, fall_back=True)
