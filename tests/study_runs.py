"""Processes that work on a stored study, and are killed at any moment: without a model.

`python study_runs.py STORAGE SAVED TRIALS KILLS...` forks a process for each of KILLS, which dies of
SIGKILL at that write to the storage (0: not at all), one after the other; with `--together` all at
once. Each trial's number is added to the file SAVED once it is written. What they write is what `tune` writes: only the training is replaced, by a formula.
"""

import os
import signal
import sys
from functools import partial

from helpers import forked

WAVE = 8
SPACE = {"learning_rate": (1e-3, 1.0), "momentum": [0.0, 0.5, 0.9]}


def outcome(params):
    """What stands for training: a result, and its value; some diverge, and some are pruned."""
    from keras_lr.engines.trial import TrialResult

    rate = params["learning_rate"]
    value = (rate - 0.1) ** 2 + params["momentum"]
    if rate > 0.7:
        return TrialResult({"loss": [value, float("inf")]}, diverged=True), None
    if params["momentum"] == 0.9:
        return TrialResult({"loss": [value]}, pruned=True), None
    return TrialResult({"loss": [2 * value, value]}), value


def sampling(storage):
    """A study as `tune` opens it."""
    from keras_lr.tuner.numbered import numbered_sampler
    from keras_lr.tuner.ranges import LogUniform
    from keras_lr.tuner.sampling import Sampling
    from keras_lr.tuner.space import Choice, Space

    momenta = tuple(SPACE["momentum"])
    searched = {
        "learning_rate": LogUniform(*SPACE["learning_rate"]),
        "momentum": Choice(momenta, momenta),
    }
    space = Space(searched, {}, frozenset(searched))
    sampler = numbered_sampler()(0)
    return Sampling(space, "minimize", {"seed": 0}, sampler=sampler, storage=storage)


def work(storage, trials, saved=None):
    """Run what is missing of a study; returns its trials."""
    import contextlib

    from keras_lr.tuner.progress import Progress
    from keras_lr.tuner.quiet import quietly
    from keras_lr.tuner.share import Share

    with quietly():
        opened = sampling(storage)
        progress = Progress(1, trials, 0, "loss", quiet=True)
        share = Share(opened.ledger, trials, progress)
        with contextlib.closing(opened):
            while (size := share.next(WAVE)) > 0:
                wave = opened.ask(size, trials)
                # Of lanes side by side the last may end first.
                for trial in wave[::-1]:
                    trial.report(1.0, 1)
                    counts = opened.ledger.keep(trial, *outcome(trial.params))
                    if saved is not None and counts:
                        with open(saved, "a") as file:
                            file.write(f"{trial.number}\n")
                for trial in wave:
                    opened.ledger.tell(trial)
            trials = opened.trials()
        disconnect(opened.study)
        return trials


def disconnect(study):
    """Close the connections to a database, which a pool would keep open."""
    study._storage.remove_session()
    engine = getattr(getattr(study._storage, "_backend", None), "engine", None)
    if engine is not None:
        engine.dispose()


def deadly(method, writes, last):
    """A method of a storage that ends the process at a write: before it, or right after it."""

    def write(*arguments, **named):
        writes.append(1)
        if len(writes) == last and last % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*arguments, **named)
        if len(writes) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return write


def child(storage, saved, trials, last):
    import optuna

    writes = []
    if last:
        for kind in (optuna.storages.RDBStorage, optuna.storages.JournalStorage):
            for name in [n for n in dir(kind) if n.startswith(("set_", "create_"))]:
                setattr(kind, name, deadly(getattr(kind, name), writes, last))
    work(storage, trials, saved)


def main(storage, saved, trials, kills, together):
    import optuna  # noqa: F401 - imported once, before the processes part

    import keras_lr.tuner.sampling  # noqa: F401

    running = []
    for last in kills:
        pid = forked(partial(child, storage, saved, trials, last))
        running.append(pid)
        if not together:
            ended(running.pop(), last)
    for pid, last in zip(running, kills, strict=False):
        ended(pid, last)


def ended(pid, last):
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status)
    if not killed and os.WEXITSTATUS(status):
        sys.exit("a process failed")
    print("killed" if killed else "ended", flush=True)


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[3:] if not text.startswith("--")]
    main(sys.argv[1], sys.argv[2], numbers[0], numbers[1:], "--together" in sys.argv)
