"""What Ray, Optuna and the engine between them take on this machine.

Of what can be repeated the fastest is taken, and Optuna's calls by their processor time: what they
take where nothing else runs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from benchmarks.ray_plan.plan import Costs

MEGABYTE = 2**20
WAVE = 16


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes of a core each, and a head without any; gives the module `ray`."""
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 600 * MEGABYTE}
    head = {**node, "num_cpus": 0, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(**node)
    cluster.add_node(**node)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False, logging_level="error")
    try:
        yield ray
    finally:
        ray.shutdown()
        cluster.shutdown()


def fastest(work: Callable[[], Any], repeats: int = 1) -> float:
    """Seconds of the fastest of some runs."""
    found = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def measure_cluster(ray: Any) -> Costs:
    """What Ray and the engine around it take."""
    from keras_lr.engines import Job, TrialSpec
    from keras_lr.engines.ray import RayEngine, RayOptions
    from keras_lr.engines.ray.engine import _environment

    x = np.random.default_rng(0).normal(size=(256, 20)).astype("float32")
    job = Job(_model, x, x[:, 0], epochs=1, batch_size=64)
    engine = RayEngine(job, RayOptions(lanes=1, wave=2))
    wave = [TrialSpec({"learning_rate": 0.01 * (1 + i)}) for i in range(2)]
    never = lambda *_: False  # noqa: E731
    engine.run(wave, never, never)
    start = ray.get(_processor(ray, _environment(engine.options, engine._slot())).remote())
    task = fastest(lambda: engine.run(wave, never, never), 20)  # two workers, one task each
    slot = engine._slot()
    references: list[Any] = []
    send = fastest(lambda: references.append(engine.send([0], engine.pack(wave), slot)[0]), 10)
    for reference in references:
        ray.cancel(reference, force=True)
    engine.close()
    report, trip = _reports(ray)
    put, transfer = _object_store(ray)
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    logs = {lane: dict.fromkeys(names, lane + 0.1) for lane in range(100)}
    size = len(ray.cloudpickle.dumps((0, logs))) / len(logs)
    return Costs(start, task, send, report, trip, size, put, transfer)


def _processor(ray: Any, environment: Any) -> Any:
    """A task that tells the processor time of the worker which it runs in, one of the engine's."""

    @ray.remote(num_cpus=1, runtime_env=environment)
    def taken() -> float:
        return time.process_time()

    return taken


def _reports(ray: Any) -> tuple[float, float]:
    """The driver's time for a post, of many at once; and the way and back of one alone."""
    from keras_lr.engines.ray.mailbox import Mailbox

    mailbox = ray.remote(Mailbox).options(num_cpus=0, max_concurrency=10_000).remote()
    logs = {lane: {"loss": 1.0, "val_loss": 1.0, "learning_rate": 1.0} for lane in range(64)}

    def handled(count: int) -> None:
        waiting = [mailbox.post.remote(task, "epoch", (0, logs)) for task in range(count)]
        left = count
        while left:
            posts = ray.get(mailbox.collect.remote())
            mailbox.answer.remote({post: set() for post, *_ in posts})
            left -= len(posts)
        ray.get(waiting)

    handled(10)
    # Its processor time; this driver also posts, which the real one leaves to the tasks.
    started = time.process_time()
    handled(500)
    busy = (time.process_time() - started) / 500
    return busy, fastest(lambda: handled(1), 50)


def _object_store(ray: Any) -> tuple[float, float]:
    @ray.remote(num_cpus=1)
    def touch(array: Any) -> int:
        return int(array[0])

    data = np.zeros(150 * MEGABYTE, "uint8")
    ray.get([touch.remote(data[:1]) for _ in range(2)])
    puts, transfers = [], []
    for _ in range(3):
        started = time.perf_counter()
        reference = ray.put(data)
        puts.append(time.perf_counter() - started)
        transfers.append(fastest(lambda r=reference: ray.get(touch.remote(r))))
        del reference
    return data.nbytes / min(puts), data.nbytes / min(transfers)


def _model() -> Any:
    import keras

    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@dataclass(frozen=True)
class Call:
    """What a call takes, whatever else runs on the machine.

    Args:
        processor: Seconds of this process's processor time.
        statements: Statements that a database is sent.
        commits: Of its transactions; flushes of a journal.
    """

    processor: float
    statements: float
    commits: float

    def seconds(self, trip: float, commit: float) -> float:
        """Seconds, where a statement's way there and back and a commit take so long."""
        return self.processor + self.statements * trip + self.commits * commit


def measure_optuna(storage: Any, sampler: str, filled: int, *, epochs: int) -> dict[str, Call]:
    """What the tuner's own calls take in a study that holds trials already.

    Args:
        storage: As `tune` takes it.
        sampler: By its name.
        filled: Trials that are there.
        epochs: Epochs of each trial; as many values are written, and the last when it ends.

    Returns:
        `ask` (a trial is asked for, with its owner's mark), `report` (one value of one epoch) and
        `tell` (its last value and its outcome are kept, and it is told), each the mean of a wave.
    """
    import optuna

    from keras_lr.engines import TrialResult
    from keras_lr.tuner.ledger import Ledger
    from keras_lr.tuner.racing import Race
    from keras_lr.tuner.samplers import as_sampler
    from keras_lr.tuner.storage import as_storage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    floats = optuna.distributions.FloatDistribution
    space = {"learning_rate": floats(1e-5, 1.0, log=True), "momentum": floats(0.0, 1.0)}
    study = optuna.create_study(
        storage=as_storage(storage), study_name=f"n{filled}", sampler=as_sampler(sampler, 0, space)
    )
    random = np.random.default_rng(0)
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={"learning_rate": 10 ** -random.uniform(0, 5), "momentum": random.random()},
                distributions=space,
                value=random.random(),
            )
            for _ in range(filled)
        ]
    )
    ledger = Ledger(study, None)  # type: ignore[arg-type]  # no trials are read out of it here
    race = Race(study)
    ledger.owner.join()
    ledger.ask(1, space)
    asked: list[Any] = []
    ask = _call(lambda: asked.extend(ledger.ask(WAVE, space)), WAVE)
    curve, steps = [0.5] * (epochs + 1), range(1, epochs + 1)
    report = _call(
        lambda: [race.end(trial, curve[:step]) for trial in asked for step in steps],
        WAVE * epochs,
    )
    result = TrialResult({"loss": curve, "val_loss": curve, "learning_rate": curve})

    def tell() -> None:
        for trial in asked:
            race.end(trial, curve)
            ledger.keep(trial, result, 0.5)
            ledger.tell(trial)

    telling = _call(tell, WAVE)
    ledger.close()
    return {"ask": ask, "report": report, "tell": telling}


def _call(work: Callable[[], Any], count: int) -> Call:
    """What one of `count` calls that `work` makes takes."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen = {"statements": 0, "commits": 0}

    def statement(*_: Any) -> None:
        seen["statements"] += 1

    def commit(*_: Any) -> None:
        seen["commits"] += 1

    def flush(number: int) -> None:
        seen["commits"] += 1

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    started = time.process_time()
    try:
        with mock.patch("os.fsync", flush):  # a journal's commit
            work()
    finally:
        processor = time.process_time() - started
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)
    return Call(processor / count, seen["statements"] / count, seen["commits"] / count)
