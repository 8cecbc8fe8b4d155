"""What a study's storage costs a trial: its statements and its time, without any training.

`python -m benchmarks.storage`: 64 trials of 10 epochs in waves of 16, two parameters, TPE, no pruner, in
memory, in a journal, in SQLite written ahead, and in SQLite's own way.
"""

import contextlib
import tempfile
import time
from collections import Counter
from pathlib import Path
from unittest import mock

TRIALS, EPOCHS, WAVE = 64, 10, 16


def measure(storage, *, every_value: bool) -> tuple[float, float]:
    """`(statements, seconds)` a trial.

    Args:
        storage: As `tune` takes it.
        every_value: Write each epoch's value, whoever wants it.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    from keras_lr.engines.trial import TrialResult
    from keras_lr.tuner import LogUniform, Uniform
    from keras_lr.tuner.quiet import quietly
    from keras_lr.tuner.racing import Race
    from keras_lr.tuner.samplers import as_sampler
    from keras_lr.tuner.sampling import Sampling
    from keras_lr.tuner.space import Space

    searched = {"learning_rate": LogUniform(1e-3, 1.0), "momentum": Uniform(0.0, 0.9)}
    space = Space(searched, {}, frozenset(searched))
    count = Counter()

    def counted(*_):
        count["statements"] += 1

    event.listen(Engine, "after_cursor_execute", counted)
    try:
        with quietly():
            study = Sampling(space, "minimize", {}, sampler=as_sampler("tpe", 0), storage=storage)
            race = Race(study.study)
            count.clear()
            started = time.perf_counter()
            with contextlib.closing(study):
                for _ in range(TRIALS // WAVE):
                    wave = study.ask(WAVE, TRIALS)
                    for epoch in range(EPOCHS):
                        values = dict.fromkeys(wave, 1.0 / (epoch + 1))
                        if every_value:
                            for trial, value in values.items():
                                trial.report(value, epoch + 1)
                        else:
                            race.after(epoch, values, last=epoch + 1 == EPOCHS)
                    for trial in wave:
                        race.end(trial, [1.0] * EPOCHS)
                        study.ledger.keep(trial, TrialResult({"loss": [1.0] * EPOCHS}), 1.0)
                    for trial in wave:
                        study.ledger.tell(trial)
            return count["statements"] / TRIALS, (time.perf_counter() - started) / TRIALS
    finally:
        event.remove(Engine, "after_cursor_execute", counted)


def main() -> None:
    from keras_lr.tuner import sqlite

    with tempfile.TemporaryDirectory() as folder:
        rows = {
            "memory": (None, False, False),
            "journal": (Path(folder) / "a.log", False, False),
            "SQLite, written ahead": (Path(folder) / "a.db", True, False),
            "SQLite, its own way": (Path(folder) / "b.db", False, False),
            "SQLite, its own way, every value": (Path(folder) / "c.db", False, True),
        }
        for name, (storage, ahead, every_value) in rows.items():
            with mock.patch.object(sqlite, "is_local", return_value=ahead):
                statements, seconds = measure(storage, every_value=every_value)
            print(f"{name:34} {statements:6.0f} statements {1000 * seconds:7.1f} ms a trial")


if __name__ == "__main__":
    main()
