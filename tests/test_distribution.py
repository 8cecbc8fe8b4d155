"""Several devices in one process: cuts and rates are those of one device.

The fits run in a process of their own, which is told of its devices before it begins.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BACKEND = keras.backend.backend()
HERE = Path(__file__).parent

RUN = """
import json, sys
import keras_lr
import keras
import numpy as np
from keras_lr import rules, schedules
from oscillating import linear, noisy, optimizer

devices = int(sys.argv[1])
x, y = noisy()
early = dict(first=38, growth=1.5, slope=0.6, chunk=5, chunks=20, width=2.0)
plans = {
    "distance": (None, rules.Oscillation("distance", **early), "sgd"),
    "alignment": (None, rules.Oscillation("alignment", **early), "momentum"),
    "adam": (None, rules.Oscillation("distance", **early), "adam"),
    "clipped": (None, rules.Oscillation("alignment", **early), "clipped"),
    "schedule": (
        schedules.Constant().warmup(10).cooldown("30%"),
        rules.Plateau("loss", patience=1, min_delta=0.5),
        "sgd",
    ),
}

def made(name):
    if name == "clipped":
        return optimizer("sgd", global_clipnorm=50.0)
    return optimizer(name)

def scopes():
    if keras.backend.backend() == "jax":
        import contextlib, jax
        assert len(jax.devices()) == devices
        if devices > 1:
            keras.distribution.set_distribution(keras.distribution.DataParallel())
        return contextlib.nullcontext
    import tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * devices
    )
    names = [f"CPU:{i}" for i in range(devices)]
    strategy = tf.distribute.get_strategy() if devices == 1 else tf.distribute.MirroredStrategy(names)
    assert strategy.num_replicas_in_sync == devices
    return strategy.scope

def trained(schedule, rule, name):
    with scope():
        model = linear(made(name))
    callback = keras_lr.LearningRate(schedule, rules=[rule])
    fit = dict(batch_size=8, epochs=5, shuffle=False, verbose=0, callbacks=[callback])
    history = model.fit(x, y, **fit)
    return {
        "events": [(e.step, e.cause, e.rate) for e in callback.record.events],
        "rates": history.history["learning_rate"],
        "loss": history.history["loss"],
        "weights": [w.ravel().tolist() for w in model.get_weights()],
    }

scope = scopes()
print(json.dumps({what: trained(*plan) for what, plan in plans.items()}))
"""


@functools.cache
def run(devices):
    """Every plan on so many devices, in a process of its own."""
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent / "src")]),
    }
    command = [sys.executable, "-c", RUN, str(devices)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(
    BACKEND == "torch", reason="Keras has no data parallelism inside one process on torch"
)
@pytest.mark.parametrize("what", ["distance", "alignment", "adam", "clipped", "schedule"])
def test_two_devices_are_as_one(what):
    one, two = run(1)[what], run(2)[what]
    assert one["events"] != []
    if what == "clipped" and BACKEND == "tensorflow":
        # Keras clips each replica's part on TensorFlow, so that these are two trainings.
        assert two["events"] != []
        return
    assert [event[:2] for event in two["events"]] == [event[:2] for event in one["events"]]
    assert two["rates"] == pytest.approx(one["rates"], rel=1e-6)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    for ours, theirs in zip(two["weights"], one["weights"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)
