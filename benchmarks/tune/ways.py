"""32 trials, three ways: the compiled engine, Optuna with one `fit` a trial, keras-tuner's RandomSearch.

The same 32 points (rate × momentum), weights, batches and epochs for all, each way in a process of
its own, so that every one starts cold and its compilations count. Imports don't. A ratio is the
time of the other way over the compiled engine's. The check that all of them found the same best
value is part of the run.

Data: `../shared/data/mnist10k.npz` (28×28 digits) where it is, else scikit-learn's 8×8 digits
enlarged to 28×28.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

TRIALS = 32
EPOCHS = 5
BATCH = 32
WAYS = {
    "compiled": "keras_lr.tune(engine='compiled')",
    "optuna": "Optuna, one fit a trial",
    "keras-tuner": "keras-tuner RandomSearch",
}


def data(train=2000, held_out=500):
    """Training and validation digits, 28×28, in [0, 1]."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist10k.npz"
    if path.is_file():
        with np.load(path) as file:
            names = [name for name in ("x", "images", "x_train") if name in file]
            labels = [name for name in ("y", "labels", "y_train") if name in file]
            x, y = file[names[0]], file[labels[0]]
    else:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        x = np.kron(x.reshape(-1, 8, 8), np.ones((3, 3)))
        x = np.pad(x, [(0, 0), (2, 2), (2, 2)])
        train, held_out = 1297, 500
    x = (x.reshape(-1, 28, 28, 1) / x.max()).astype("float32")
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], np.asarray(y)[order].astype("int32")
    return (x[:train], y[:train]), (x[train:][:held_out], y[train:][:held_out])


def points():
    """The trials: rates over four decades, four momenta."""
    random = np.random.default_rng(1)
    rates = np.exp(random.uniform(np.log(1e-4), np.log(1.0), TRIALS))
    momenta = random.choice([0.0, 0.5, 0.9, 0.95], TRIALS)
    return [
        {"learning_rate": float(rate), "momentum": float(momentum)}
        for rate, momentum in zip(rates, momenta, strict=True)
    ]


def build(net, learning_rate=0.01, momentum=0.9):
    """The dense or the convolutional net."""
    import keras

    layers = keras.layers
    inner = {
        "dense": [layers.Flatten(), layers.Dense(64, activation="relu")],
        "conv": [
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.Flatten(),
        ],
    }[net]
    model = keras.Sequential([keras.Input((28, 28, 1)), *inner, layers.Dense(10)])
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=momentum),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def compiled(net, train, held_out):
    import optuna

    import keras_lr

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.InMemoryStorage()
    study = optuna.create_study(storage=storage, study_name="bench")
    for point in points():
        study.enqueue_trial(point)
    started = time.perf_counter()
    found = keras_lr.tune(
        lambda: build(net),
        *train,
        validation_data=held_out,
        space={
            "learning_rate": keras_lr.LogUniform(1e-4, 1.0),
            "momentum": [0.0, 0.5, 0.9, 0.95],
        },
        epochs=EPOCHS,
        batch_size=BATCH,
        trials=TRIALS,
        engine="compiled",
        storage=storage,
        study_name="bench",
        verbose=0,
    )
    seconds = time.perf_counter() - started
    values = [trial.value for trial in found.trials]
    assert [trial.params for trial in found.trials] == points()
    return seconds, values, found.plan


def by_optuna(net, train, held_out):
    import keras
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for point in points():
        study.enqueue_trial(point)

    def objective(trial):
        rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
        momentum = trial.suggest_categorical("momentum", [0.0, 0.5, 0.9, 0.95])
        keras.utils.set_random_seed(0)
        model = build(net, rate, momentum)
        history = model.fit(
            *train, validation_data=held_out, epochs=EPOCHS, batch_size=BATCH, verbose=0
        )
        return history.history["val_loss"][-1]

    started = time.perf_counter()
    study.optimize(objective, n_trials=TRIALS)
    return time.perf_counter() - started, [trial.value for trial in study.trials], "fit"


def by_keras_tuner(net, train, held_out):
    import keras
    import keras_tuner

    values = []

    class Points(keras_tuner.oracles.RandomSearchOracle):
        """Draws the given points; everything else is RandomSearch's."""

        def populate_space(self, trial_id):
            wanted = points()
            if int(trial_id) >= len(wanted):
                return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED, "values": None}
            status = keras_tuner.engine.trial.TrialStatus.RUNNING
            return {"status": status, "values": wanted[int(trial_id)]}

    class Net(keras_tuner.HyperModel):
        def build(self, hp):
            rate = hp.Float("learning_rate", 1e-4, 1.0, sampling="log")
            momentum = hp.Choice("momentum", [0.0, 0.5, 0.9, 0.95])
            keras.utils.set_random_seed(0)
            return build(net, rate, momentum)

        def fit(self, hp, model, *args, **kwargs):
            history = super().fit(hp, model, *args, **kwargs)
            values.append(history.history["val_loss"][-1])
            return history

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.Tuner(
            oracle=Points(objective=keras_tuner.Objective("val_loss", "min"), max_trials=TRIALS),
            hypermodel=Net(),
            directory=folder,
        )
        started = time.perf_counter()
        tuner.search(*train, validation_data=held_out, epochs=EPOCHS, batch_size=BATCH, verbose=0)
        seconds = time.perf_counter() - started
    return seconds, values, "fit"


RUN = {"compiled": compiled, "optuna": by_optuna, "keras-tuner": by_keras_tuner}


def in_a_process(net, way):
    """Run one way in a fresh process; (seconds, values, plan)."""
    command = [sys.executable, "-m", "benchmarks.tune", "--net", net, "--way", way]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(net, ways):
    """Print the rows of one net."""
    print(f"{net}: {TRIALS} trials × {EPOCHS} epochs, batch {BATCH}", flush=True)
    results = {}
    # First and last, so that a machine that is busy for a while favours neither side.
    first = in_a_process(net, "compiled")
    for way in ways:
        results[way] = in_a_process(net, way) if way != "compiled" else None
    last = results["compiled"] = in_a_process(net, "compiled")
    ours = (first[0] + last[0]) / 2
    print(f"  {WAYS['compiled']:34s} {first[0]:6.1f} s, then {last[0]:.1f} s: {last[2]}")
    reference = np.array(last[1], float)
    for way, (seconds, values, _) in results.items():
        if way == "compiled":
            continue
        values = np.array(values, float)
        best = int(np.nanargmin(values))
        assert best == np.nanargmin(reference), f"{way} found another best trial"
        assert np.isclose(values[best], reference[best], rtol=1e-3), f"{way} found another value"
        print(f"  {WAYS[way]:34s} {seconds:6.1f} s: {seconds / ours:5.1f} × the compiled engine's")
    found = int(np.nanargmin(reference))
    print(f"  the same best on all: trial {found}, val_loss {reference[found]:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", choices=["dense", "conv"])
    parser.add_argument("--way", choices=list(RUN))
    arguments = parser.parse_args()
    if arguments.way:
        import keras  # noqa: F401  the clock starts after the imports

        seconds, values, plan = RUN[arguments.way](arguments.net, *data())
        values = [None if v is None else float(v) for v in values]
        print(json.dumps([seconds, values, plan]))
        return
    if not (importlib.util.find_spec("keras_tuner") and importlib.util.find_spec("six")):
        print('keras-tuner is missing; its rows are left out. pip install "keras-lr[bench]"')
        WAYS.pop("keras-tuner")
    for net in [arguments.net] if arguments.net else ["dense", "conv"]:
        compare(net, list(WAYS))


if __name__ == "__main__":
    main()
