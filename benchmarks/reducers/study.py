"""Every policy on every problem, kept as it goes so that a stop loses little."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.reducers.lanes import Budget, Cut, Runs, run
from benchmarks.reducers.measures import one_of
from benchmarks.reducers.policies import Policy
from benchmarks.reducers.tasks import OPTIMIZERS, Optimizer, Task


def study(
    tasks: Iterable[Task],
    policies: list[Policy],
    budget: Budget,
    *,
    optimizers: Sequence[Optimizer] = OPTIMIZERS,
    keep: Path | None = None,
    told: Callable[[str], None] = print,
) -> dict[str, dict[str, Runs]]:
    """Runs by cell ("task, optimizer") and policy; variants of a tuned policy become one.

    Args:
        tasks: The problems; each is trained with every optimizer.
        policies: Among them the three that the measures compare with.
        budget: How long and how often.
        optimizers: With what.
        keep: A folder for finished runs; what is there isn't run again.
        told: Called with a line for each cell.
    """
    cells = [(task, optimizer) for task in tasks for optimizer in optimizers]

    def cell(which: tuple[Task, Optimizer]) -> tuple[str, dict[str, Runs]]:
        task, optimizer = which
        name = f"{task.name}, {optimizer.name}"
        found = {p.name: kept(task, optimizer, p, budget, keep) for p in policies}
        told(f"{name}: done")
        return name, _without_variants(found, policies)

    with ThreadPoolExecutor(2) as threads:  # XLA leaves the interpreter while it computes
        return dict(threads.map(cell, cells))


def _without_variants(found: dict[str, Runs], policies: list[Policy]) -> dict[str, Runs]:
    names = dict.fromkeys(p.tuned or p.name for p in policies)
    return {
        name: one_of([found[p.name] for p in policies if name in (p.name, p.tuned)])
        for name in names
    }


def kept(
    task: Task, optimizer: Optimizer, policy: Policy, budget: Budget, folder: Path | None
) -> Runs:
    """The runs of one policy in one cell, from the folder where they are there."""
    if folder is None:
        return run(task, optimizer, policy, budget)
    what = repr((task.name, task.highest[optimizer.name], optimizer, policy, budget))
    path = folder / f"{hashlib.sha256(what.encode()).hexdigest()[:20]}.npz"
    if path.exists():
        with np.load(path) as stored:
            cuts = tuple(Cut(**cut) for cut in json.loads(str(stored["cuts"])))
            arrays = (stored["rates"], stored["validation"], stored["training"])
            return Runs(*arrays, cuts, int(stored["epoch"]))
    runs = run(task, optimizer, policy, budget)
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}-part.npz")
    np.savez_compressed(
        part,
        rates=runs.rates,
        validation=runs.validation,
        training=runs.training,
        cuts=json.dumps([asdict(cut) for cut in runs.cuts]),
        epoch=runs.epoch,
    )
    part.replace(path)
    return runs
