"""Runs that are cut off and go on: shared by the tests of resuming, and started by them as a script."""

import json
import os
import random
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from helpers import forked

EPOCHS, BATCHES = 5, 9
GONE = os.WEXITED | os.WNOHANG | os.WNOWAIT
KILLS = 20
"""More than a run that goes on from its last save can have."""
THREADS = Path("/proc/self/task")
LIMIT = 300
"""Seconds after which a process that got stuck is ended; all of them together take a few."""


def data(samples=96):
    random = np.random.default_rng(0)
    x = random.normal(size=(samples, 4)).astype("float32")
    return x, (x @ random.normal(size=(4, 3))).argmax(1)


def built(optimizer=None, *, seed=1, **compile_arguments):
    """A small model with dropout, whose weights are the same each time."""
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(3),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.05) if optimizer is None else optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        **compile_arguments,
    )
    return model


class Cut(BaseException):
    """The end of a process, as far as one that goes on can play it."""


def cut_after(batches):
    """A callback that ends everything after so many batches of this fit."""
    import keras

    left = iter(range(batches))

    class CutAfter(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if next(left, None) is None:
                raise Cut

    return CutAfter()


def busy(patience=4):
    """Callbacks with state: schedule, rules, and two of Keras's own."""
    import keras

    import keras_lr
    from keras_lr import rules

    control = keras_lr.LearningRate(
        "cosine | warmup(5%)",
        rules=[
            rules.Plateau("loss", patience=1, min_delta=0.2),
            rules.Divergence(),
            rules.Plateau("accuracy", every=4, patience="2 looks", min_delta=0.3),
        ],
    )
    return [
        control,
        keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", patience=2, factor=0.7, min_delta=0.5),
    ]


def run(folder, *, model=None, callbacks=None, more=(), save_freq: Any = 5, backup=None, **fit):
    """One fit with a backup in front of `callbacks`; its model, its history, its callbacks."""
    from keras_lr.callbacks import BackupAndRestore

    model = built() if model is None else model
    callbacks = busy() if callbacks is None else callbacks
    x, y = data()
    fit = {"epochs": EPOCHS, "batch_size": 8, "validation_split": 0.25, "verbose": 0, **fit}
    if "x" not in fit:
        fit["x"], fit["y"] = x, y
    first = [] if folder is None else [BackupAndRestore(folder, save_freq, **(backup or {}))]
    history = model.fit(callbacks=[*first, *callbacks, *more], **fit)
    return model, history.history, callbacks


def weights(model):
    """Everything that training changed, as bytes."""
    import keras

    variables = [*model.variables, *model.optimizer.variables]
    return [np.asarray(keras.ops.convert_to_numpy(each)).tobytes() for each in variables]


def trained(folder, name):
    """A run that writes down its batches, and at its end what came of it."""
    import hashlib

    import keras

    with open(folder / f"{name}.batches", "a") as file:

        class Told(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                file.write(".")
                file.flush()
                time.sleep(0.01)

        model, history, callbacks = run(folder / name, callbacks=busy(), more=[Told()])
    digest = hashlib.sha256(b"".join(weights(model))).hexdigest()
    events = [repr(event) for event in callbacks[0].record.events]
    with open(folder / f"{name}.json", "w") as file:
        json.dump({"history": history, "weights": digest, "events": events}, file)


def started(folder, name):
    """A process that trains; its id."""
    if THREADS.exists():
        assert len(list(THREADS.iterdir())) == 1, "what another thread holds, a fork holds forever"
    return forked(lambda: trained(folder, name), LIMIT)


def killed(folder, name, moments):
    """Train in a process that is killed at some moment; whether it was, since it may be through."""
    path = folder / f"{name}.batches"

    def batches():
        return path.stat().st_size if path.exists() else 0

    until = batches() + moments.randint(8, 20)
    pid = started(folder, name)
    while batches() < until and not os.waitid(os.P_PID, pid, GONE):
        time.sleep(0.001)
    time.sleep(moments.random() * 0.02)
    os.kill(pid, signal.SIGKILL)  # of one that has ended, but wasn't waited for, nothing is left
    _, status = os.waitpid(pid, 0)
    if status not in (0, signal.SIGKILL):
        sys.exit("a process failed, or got stuck")
    return status == signal.SIGKILL


def main(folder):
    """The script: a whole run, and one that is killed at random moments until it is through.

    Its processes part after the imports, before anything is computed.
    """
    signal.alarm(LIMIT)
    import keras  # noqa: F401

    import keras_lr.callbacks  # noqa: F401

    uninterrupted, moments = started(folder, "whole"), random.Random(0)
    kills = 0
    while killed(folder, "cut", moments):
        kills += 1
        if kills == KILLS:
            sys.exit("it doesn't get on")
    _, status = os.waitpid(uninterrupted, 0)
    print(kills)
    sys.exit(1 if status else 0)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
