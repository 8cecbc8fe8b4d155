"""Tuning a model that trains on TensorFlow or torch: by `fit` there, and in a JAX process.

    KERAS_BACKEND=torch python -m benchmarks.backends          # or tensorflow
    KERAS_BACKEND=torch python -m benchmarks.backends dense --trials 16

The same trials (rate × momentum), weights and epochs, batches in their order, for both. The worker's
time is all that it takes: the process, its imports, packing, compiling, training, the end of it.
`fit`'s cost is told apart: what a trial costs before its first step, and what a step costs, from
trials of one epoch and of all; with the worker's start they say from how many steps on a worker pays.
Processor seconds (both processes) stand beside the wall clock, since machines are shared.
"""

import argparse
import os
import time

import numpy as np

from benchmarks.tune.nets import NETS, build, data, points
from keras_lr.engines import Job, TrialSpec
from keras_lr.engines.fit import FitEngine
from keras_lr.engines.worker.engine import WorkerEngine


def never(*_):
    """Nothing is pruned, no weights are kept."""
    return False


class Clock:
    """Seconds since it was made: on the wall, and of processors here and in ended children."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), self._cpu()

    def _cpu(self):
        times = os.times()
        return times.user + times.system + times.children_user + times.children_system

    def read(self):
        """`(wall, processors)`."""
        return time.perf_counter() - self.wall, self._cpu() - self.cpu


def _apart(one, two):
    """The largest relative difference of two trials' validation losses."""
    a, b = (np.array(result.history["val_loss"]) for result in (one, two))
    return float(np.max(np.abs(a / b - 1))) if np.isfinite(b).all() else 0.0


def compare(net, trials, epochs, samples):
    """One line about a net."""
    import keras

    (x, y), held_out = data(net, samples, samples // 4)
    given = {"batch_size": 32, "validation_data": held_out, "shuffle": False}
    job = Job(lambda: build(net), x, y, epochs=epochs, **given)
    specs = [TrialSpec(point) for point in points(trials)]
    FitEngine(Job(job.build_model, x[:64], y[:64], batch_size=32)).run(specs[:1], never, never)

    clock = Clock()
    engine = WorkerEngine(job)
    assert engine.obstacle(build(net)) is None
    start = clock.read()[0]
    there = engine.run(specs, never, never)
    engine.close()
    worker, worker_cpu = clock.read()

    few = specs[: max(2, trials // 4)]
    short = Job(job.build_model, x, y, epochs=1, **given)
    clock = Clock()
    FitEngine(short).run(few, never, never)
    one, _ = clock.read()
    clock = Clock()
    here = FitEngine(job).run(few, never, never)
    full, full_cpu = clock.read()
    if here[0].error is not None:
        print(
            f"| {keras.backend.backend()} | {net} | {worker:.1f} s | fit fails: {here[0].error} |"
        )
        return
    batches = -(-samples // 32)
    step = max(1e-9, (full - one) / len(few) / (batches * (epochs - 1)))
    fixed = one / len(few) - batches * step
    fit = full / len(few) * trials
    # Rates near divergence magnify rounding, so the middle trial tells more than the last.
    apart = np.median([_apart(one, two) for one, two in zip(there, here, strict=False)])
    print(
        f"| {keras.backend.backend()} | {net} | {worker:.1f} s (start {start:.1f}) | {fit:.1f} s | "
        f"{fit / worker:.1f}× | {full_cpu / len(few) * trials / worker_cpu:.1f}× | "
        f"{fixed * 1e3:.0f} ms | {step * 1e3:.2f} ms | {apart:.0e} |",
        flush=True,
    )
    print(f"    {engine.plan}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*", default=NETS)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2000)
    options = parser.parse_args()
    print(
        "| backend | net | in a JAX process | fit | wall | processors | fit's trial | its step | apart |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for chosen in options.nets:
        compare(chosen, options.trials, options.epochs, options.samples)
