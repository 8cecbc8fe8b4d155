"""Fits on one device and on two, in a process that is told of its devices before it begins.

`python distribution_runs.py` prints, as JSON, what came of each plan on one device and on two, and of rates per layer on two.
"""

import contextlib
import json
import os

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras_lr  # noqa: I001 - before keras: it chooses the installed backend
import keras
import numpy as np

from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRateMonitor
from keras_lr.optimizers import per_layer, unfreeze
from oscillating import linear, noisy, optimizer

DEVICES = 2
NORMS = ("gradient_norm", "weight_norm", "update_ratio")
EARLY = {"first": 38, "growth": 1.5, "slope": 0.6, "chunk": 5, "chunks": 20, "width": 2.0}
PLANS = {
    "distance": (None, rules.Oscillation("distance", **EARLY), "sgd"),
    "alignment": (None, rules.Oscillation("alignment", **EARLY), "momentum"),
    "adam": (None, rules.Oscillation("distance", **EARLY), "adam"),
    "clipped": (None, rules.Oscillation("alignment", **EARLY), "clipped"),
    "schedule": (
        schedules.Constant().warmup(10).cooldown("30%"),
        rules.Plateau("loss", patience=1, min_delta=0.5),
        "sgd",
    ),
}


def prepared():
    """What has to be said of devices before anything is computed."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES
        )


def on_both():
    """From here on every device takes part, in models that are made in the scope returned."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(DEVICES)])
        assert strategy.num_replicas_in_sync == DEVICES
        return strategy.scope
    import jax

    assert len(jax.devices()) == DEVICES
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=jax.devices()))
    return contextlib.nullcontext


def trained(scope, schedule, rule, name):
    """A fit with a rule, or a schedule too: its events, rates, losses and weights."""
    x, y = noisy()
    with scope():
        model = linear(
            optimizer("sgd", global_clipnorm=50.0) if name == "clipped" else optimizer(name)
        )
    callback = keras_lr.LearningRate(schedule, rules=[rule])
    monitor = LearningRateMonitor((), statistics=NORMS)
    history = model.fit(
        x, y, batch_size=8, epochs=5, shuffle=False, verbose=0, callbacks=[callback, monitor]
    )
    return {
        "events": [(e.step, e.cause, e.rate) for e in callback.record.events],
        "rates": history.history["learning_rate"],
        "loss": history.history["loss"],
        "norms": [history.history[each] for each in NORMS],
        "weights": [w.ravel().tolist() for w in model.get_weights()],
    }


def layered(scope, rates, callbacks=(), epochs=2):
    """Weights before and after a fit with rates per layer."""
    keras.utils.set_random_seed(0)
    with scope():
        layers = [keras.layers.Dense(5, name="a"), keras.layers.Dense(3, name="b")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        adam = keras.optimizers.Adam(0.1, global_clipnorm=0.1)
        model.compile(per_layer(adam, rates, model=model) if rates else adam, "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    before = model.get_weights()
    model.fit(x, x[:, :3], batch_size=8, epochs=epochs, verbose=0, callbacks=[*callbacks])
    return before, model.get_weights()


def per_layers(scope):
    """What rates per layer and layers that thaw leave of the weights."""

    def still(before, after):
        return [bool((one == two).all()) for one, two in zip(before, after, strict=True)]

    _, plain = layered(scope, {})
    _, split = layered(scope, {"a": 1 + 1e-9})
    return {
        "off": max(float(np.abs(a - b).max()) for a, b in zip(plain, split, strict=True)),
        "thawed": still(*layered(scope, {"a": unfreeze("1 epoch")}, [keras_lr.LearningRate()])),
        "still": still(*layered(scope, {"a": unfreeze(8)}, [keras_lr.LearningRate()], epochs=1)),
    }


def main():
    """The script."""
    prepared()
    found = {"one": {what: trained(contextlib.nullcontext, *plan) for what, plan in PLANS.items()}}
    scope = on_both()
    found["two"] = {what: trained(scope, *plan) for what, plan in PLANS.items()}
    if hasattr(keras.optimizers, "MultiOptimizer"):
        found["per layer"] = per_layers(scope)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
