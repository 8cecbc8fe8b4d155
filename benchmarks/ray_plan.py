"""What a sweep on a Ray cluster costs beside its arithmetic, measured here, and a plan made of it.

    make bench-ray
    python -m benchmarks.ray_plan [--trials 10000] [--gpus 100] [--step-us 2000] [--storage URL ...]

Measures, on a cluster of two nodes on this machine: the start of a worker, a task, a report's way
to the driver and back, the object store, and Optuna's storages as the tuner uses them, with few and
with many trials in the study. Then lays out the sweep, and says which part is saturated at how many
GPUs. The one figure that has to come from elsewhere is a step's time on the GPU: `study.plan` of a
small study there tells it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

MEGABYTE = 2**20


@dataclass(frozen=True)
class Sweep:
    """What is planned.

    Args:
        trials, epochs, gpus: How many.
        nodes: Machines that the GPUs are in.
        lanes: Trials a task.
        steps: Steps an epoch.
        step: Seconds of a step of all lanes of a task.
        data: Bytes of the data.
        price: Of an hour of one GPU.
    """

    trials: int = 10_000
    epochs: int = 20
    gpus: int = 100
    nodes: int = 13
    lanes: int = 64
    steps: int = 1500
    step: float = 2e-3
    data: float = 200e6
    price: float = 2.0


@dataclass(frozen=True)
class Costs:
    """What was measured, in seconds unless it says otherwise.

    Args:
        start: A worker's first task: process, imports, compilation.
        task: One more task of a worker that is there, packing included.
        send: What of it the driver is busy with.
        report: The driver's time for one task's report of an epoch, without the storage.
        trip: A report's way and back, as its task waits for it.
        message: Bytes of a report of a lane.
        put: Bytes a second into the object store.
        transfer: Bytes a second from node to node.
    """

    start: float
    task: float
    send: float
    report: float
    trip: float
    message: float
    put: float
    transfer: float


@dataclass(frozen=True)
class Storage:
    """What a storage takes, in seconds, with `filled` trials in the study.

    Args:
        ask: A trial asked for, with its owner's mark.
        tell: A trial's outcome kept and told.
        report: One value of one epoch.
    """

    name: str
    filled: int
    ask: float
    tell: float
    report: float


# -- measuring --------------------------------------------------------------------------------------


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A cluster of two nodes of a core each, and a head without any."""
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


def seconds(work: Callable[[], Any], repeats: int = 1) -> float:
    """Seconds that `work` takes, the mean of some runs."""
    started = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - started) / repeats


def measure_cluster(ray: Any) -> Costs:
    """What Ray and the engine around it take."""
    from keras_lr.engines import Job, TrialSpec
    from keras_lr.engines.ray import RayEngine, RayOptions

    x = np.random.default_rng(0).normal(size=(256, 20)).astype("float32")
    job = Job(_model, x, x[:, 0], epochs=1, batch_size=64)
    engine = RayEngine(job, RayOptions(lanes=1, wave=2))
    wave = [TrialSpec({"learning_rate": 0.01 * (1 + i)}) for i in range(2)]
    never = lambda *_: False  # noqa: E731
    start = seconds(lambda: engine.run(wave, never, never))
    task = seconds(lambda: engine.run(wave, never, never), 10)  # two workers, one task each
    slot = engine._slot()
    references: list[Any] = []
    send = seconds(lambda: references.append(engine.send([0], wave, slot)[0]), 10)
    for reference in references:
        ray.cancel(reference, force=True)
    engine.close()
    report, trip = _reports(ray)
    put, transfer = _object_store(ray)
    names = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    logs = {lane: {name: lane + 0.1 for name in names} for lane in range(100)}
    size = len(ray.cloudpickle.dumps((0, logs))) / len(logs)
    return Costs(start, task, send, report, trip, size, put, transfer)


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
    # The driver of this measurement also posts, which the real one doesn't: an upper bound.
    return seconds(lambda: handled(1000)) / 1000, seconds(lambda: handled(1), 50)


def _object_store(ray: Any) -> tuple[float, float]:
    @ray.remote(num_cpus=1)
    def touch(array: Any) -> int:
        return int(array[0])

    data = np.zeros(200 * MEGABYTE, "uint8")
    ray.get([touch.remote(data[:1]) for _ in range(2)])
    started = time.perf_counter()
    reference = ray.put(data)
    put = time.perf_counter() - started
    return data.nbytes / put, data.nbytes / seconds(lambda: ray.get(touch.remote(reference)))


def _model() -> Any:
    import keras

    model = keras.Sequential([keras.Input((20,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def measure_storage(name: str, storage: Any, filled: int, *, epochs: int) -> dict[str, Storage]:
    """What the tuner's own calls take in a study that holds `filled` trials already.

    Args:
        name: What to call it.
        storage: As `tune` takes it.
        filled: Trials that are there.
        epochs: Values that each trial reports.

    Returns:
        A row for each of the tuner's samplers.
    """
    import optuna

    from keras_lr.tuner.samplers import SAMPLERS, as_sampler
    from keras_lr.tuner.storage import as_storage

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    floats = optuna.distributions.FloatDistribution
    space = {"learning_rate": floats(1e-5, 1.0, log=True), "momentum": floats(0.0, 1.0)}
    study = optuna.create_study(storage=as_storage(storage), study_name=f"n{filled}")
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
    found = {}
    for sampler in SAMPLERS:
        study.sampler = as_sampler(sampler, 0, space)
        found[sampler] = Storage(f"{name}, {sampler}", filled, *_calls(study, space, epochs))
    return found


def _calls(study: Any, space: dict[str, Any], epochs: int) -> tuple[float, float, float]:
    """Seconds of asking for a trial, of keeping and telling it, and of reporting an epoch of it."""
    from keras_lr.engines import TrialResult
    from keras_lr.tuner.ledger import Ledger

    ledger = Ledger(study, None)  # type: ignore[arg-type]  # no trials are read out of it here
    ledger.owner.join()
    count = 16
    ledger.ask(1, space)
    asked: list[Any] = []
    ask = seconds(lambda: asked.extend(ledger.ask(count, space)))
    report = seconds(lambda: [t.report(0.5, epoch) for t in asked for epoch in range(epochs)])
    curve = [0.5] * epochs
    result = TrialResult({"loss": curve, "val_loss": curve, "learning_rate": curve})

    def tell() -> None:
        for trial in asked:
            ledger.keep(trial, result, 0.5)
            ledger.tell(trial)

    telling = seconds(tell)
    ledger.close()
    return ask / count, telling / count, report / count / epochs


# -- planning ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a sweep takes, in seconds unless it says otherwise."""

    tasks: int
    training: float
    wall: float
    gpu_hours: float
    broadcast: float
    driver: float
    storage: float

    @property
    def efficiency(self) -> float:
        """The share of the GPUs' time that is training."""
        return self.training / (self.gpu_hours * 3600)


def lay_out(sweep: Sweep, costs: Costs, storage: Storage, *, pruning: bool) -> Plan:
    """What a sweep takes: tasks in rounds over the GPUs, and the driver beside them.

    The driver asks for a wave while no task of it runs, and answers and writes while they train; so
    what it takes adds up where it is more than the training.

    Args:
        sweep: The sweep.
        costs: Ray's.
        storage: The storage's.
        pruning: Whether each epoch of each trial is written down, as a pruner needs.
    """
    tasks = -(-sweep.trials // sweep.lanes)
    rounds = -(-tasks // sweep.gpus)
    training = sweep.epochs * (sweep.steps * sweep.step + costs.trip)
    asking = sweep.trials * storage.ask + tasks * costs.send
    written = sweep.trials * (storage.tell + (sweep.epochs * storage.report if pruning else 0))
    driver = tasks * sweep.epochs * costs.report + written
    # The nodes pass the data on to each other; Ray's own figure is 1 GiB to 50 nodes in 17 s.
    broadcast = sweep.data / costs.put + sweep.data / (2**30 / 17 * sweep.nodes / 50)
    busy = max(rounds * (costs.task + training), driver)
    wall = broadcast + costs.start + asking + busy
    return Plan(
        tasks, tasks * training, wall, wall * sweep.gpus / 3600, broadcast, asking + driver, written
    )


def saturated(sweep: Sweep, costs: Costs, storage: Storage, *, pruning: bool) -> dict[str, float]:
    """GPUs at which each part of the driver would have no time left, at this step's time."""
    training = sweep.epochs * (sweep.steps * sweep.step + costs.trip)
    written = storage.tell + (sweep.epochs * storage.report if pruning else 0)
    per_task = {
        "sending tasks": costs.send,
        "reports through the mailbox": sweep.epochs * costs.report,
        "asking the sampler": sweep.lanes * storage.ask,
        "writing to the storage": sweep.lanes * written,
    }
    return {part: training / each for part, each in per_task.items()}


# -- telling ----------------------------------------------------------------------------------------


def main() -> None:
    """Measure, and print the figures and the plan."""
    given = _arguments()
    with two_nodes() as ray:
        costs = measure_cluster(ray)
    print("| Ray, two nodes on this machine | |\n|---|---|")
    print(f"| first task of a worker (process, imports, compilation) | {costs.start:.1f} s |")
    print(f"| another task of the same worker | {costs.task * 1e3:.0f} ms |")
    print(f"| of it the driver | {costs.send * 1e3:.1f} ms |")
    print(f"| a report of 64 lanes, there and back | {costs.trip * 1e3:.1f} ms |")
    print(f"| of it the driver, when many arrive | {costs.report * 1e3:.2f} ms |")
    print(f"| a report, bytes a lane | {costs.message:.0f} |")
    print(f"| into the object store | {costs.put / 1e9:.1f} GB/s |")
    print(f"| from node to node (here: one machine) | {costs.transfer / 1e9:.1f} GB/s |\n")
    print("| storage, sampler | trials in it | ask | report | tell |\n|---|---|---|---|---|")
    rows: dict[str, Storage] = {}
    for name, storage in _storages(given.storage):
        for filled in given.filled:
            with tempfile.TemporaryDirectory() as folder:
                place = storage(Path(folder)) if callable(storage) else storage
                for row in measure_storage(name, place, filled, epochs=given.epochs).values():
                    rows[row.name] = row  # the last is the fullest
                    told = [f"{value * 1e3:.2f} ms" for value in (row.ask, row.report, row.tell)]
                    print(f"| {row.name} | {filled} | {' | '.join(told)} |", flush=True)
    _tell_plan(given, costs, rows)


def _tell_plan(given: argparse.Namespace, costs: Costs, rows: dict[str, Storage]) -> None:
    sweep = replace(
        Sweep(),
        trials=given.trials,
        gpus=given.gpus,
        nodes=-(-given.gpus // 8),
        epochs=given.epochs,
        step=given.step_us * 1e-6,
    )
    print(f"\n{sweep}\n")
    head = "| storage, sampler | pruning | wall clock | GPU hours | training | driver | cost |"
    print(head + "\n|---|---|---|---|---|---|---|")
    for name, storage in rows.items():
        for pruning in (False, True):
            plan = lay_out(sweep, costs, storage, pruning=pruning)
            print(
                f"| {name} | {'yes' if pruning else 'no'} | {plan.wall / 60:.0f} min | "
                f"{plan.gpu_hours:.0f} | {plan.efficiency:.0%} | {plan.driver / 60:.1f} min | "
                f"{plan.gpu_hours * sweep.price:.0f} |"
            )
    print("\n| saturated at so many GPUs | " + " | ".join(rows) + " |")
    print("|---" * (1 + len(rows)) + "|")
    columns = [saturated(sweep, costs, storage, pruning=True) for storage in rows.values()]
    for part in columns[0]:
        print(f"| {part} | " + " | ".join(f"{column[part]:,.0f}" for column in columns) + " |")


def _storages(urls: list[str]) -> list[tuple[str, Any]]:
    known = [
        ("memory", lambda folder: None),
        ("journal", lambda folder: str(folder / "study.journal")),
        ("SQLite", lambda folder: str(folder / "study.db")),
    ]
    return [*known, *((url.partition(":")[0], url) for url in urls)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--gpus", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--step-us", type=float, default=2000.0, help="a step of 64 lanes, in µs")
    parser.add_argument("--filled", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--storage", nargs="*", default=[], help="URLs of databases, made empty")
    return parser.parse_args()


if __name__ == "__main__":
    main()
