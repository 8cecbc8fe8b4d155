"""A sweep laid out over a cluster, from what was measured."""

from dataclasses import dataclass

from keras_lr.tuner.racing import SHOWN

BROADCAST = 17.0, 2**30, 50
"""Seconds in which Ray brings so many bytes to so many nodes: its own release benchmark,
`release/perf_metrics/scalability/object_store.json` in its repository."""


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
        looks: Epochs after which a pruner looks at each trial, whose value it needs. (What it ends
            isn't in the plan, nor what it takes to judge.)
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
    looks: int = 0

    @property
    def training(self) -> float:
        """Seconds that a task trains."""
        return self.epochs * self.steps * self.step


@dataclass(frozen=True)
class Costs:
    """What Ray and the engine around it take, in seconds unless it says otherwise.

    Args:
        start: A worker's first task: process, imports, compilation (processor time).
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
class Calls:
    """What Optuna takes, in seconds.

    Args:
        ask: A trial asked for, with its owner's mark.
        tell: A trial's last value and its outcome kept, and told.
        report: One value of one epoch.
    """

    ask: float
    tell: float
    report: float


@dataclass(frozen=True)
class Plan:
    """What a sweep takes, in seconds unless it says otherwise.

    Args:
        tasks: How many.
        broadcast: Until the data is on every node.
        asking: While the GPUs wait for the sampler.
        driver: What the driver does while they train.
        wall: In all.
        efficiency: The share of the GPUs' time that is training.
        cost: Of the GPUs, in the price's currency.
    """

    tasks: int
    broadcast: float
    asking: float
    driver: float
    wall: float
    efficiency: float
    cost: float


def lay_out(sweep: Sweep, costs: Costs, calls: Calls) -> Plan:
    """What a sweep takes: tasks in rounds over the GPUs, and the driver beside them.

    A wave is asked for while none of its tasks runs. What the driver answers and writes, it does
    while they train, and they wait for it where it takes longer. Values that no pruner needs it
    writes in a small share of that time, as many as there are.
    """
    tasks = -(-sweep.trials // sweep.lanes)
    rounds = -(-tasks // sweep.gpus)
    seconds, size, nodes = BROADCAST
    broadcast = sweep.data / costs.put + seconds * sweep.data / size * sweep.nodes / nodes
    asking = sweep.trials * calls.ask + tasks * costs.send
    each = sweep.training + sweep.epochs * costs.trip + costs.task
    needed = sweep.trials * (calls.tell + sweep.looks * calls.report)
    busy = tasks * sweep.epochs * costs.report + needed
    others = sweep.trials * (sweep.epochs - 1 - sweep.looks) * calls.report
    shown = min(others, SHOWN * max(rounds * each, busy / (1 - SHOWN)))
    driver = busy + shown
    wall = broadcast + costs.start + asking + max(rounds * each, driver)
    share = tasks * sweep.training / (wall * sweep.gpus)
    price = wall * sweep.gpus / 3600 * sweep.price
    return Plan(tasks, broadcast, asking, driver, wall, share, price)


def saturated(sweep: Sweep, costs: Costs, calls: Calls) -> dict[str, float]:
    """GPUs for which each part of the driver has just time enough, at this step's time."""
    per_task = {
        "sending tasks": costs.send,
        "reports through the mailbox": sweep.epochs * costs.report,
        "asking the sampler": sweep.lanes * calls.ask,
        "writing outcomes": sweep.lanes * calls.tell,
        "writing every epoch for a pruner": sweep.lanes * (sweep.epochs - 1) * calls.report,
    }
    return {part: sweep.training / each for part, each in per_task.items()}
