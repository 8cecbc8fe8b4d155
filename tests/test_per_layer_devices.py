"""Rates per layer on several devices: the CPU, taken for two, in a process of its own."""

import json
import os
import subprocess
import sys

import keras
import pytest

BACKEND = keras.backend.backend()
pytestmark = [
    pytest.mark.skipif(
        not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
    ),
    pytest.mark.skipif(BACKEND == "torch", reason="Keras has no data parallelism on torch here"),
]

BEGIN = {
    "tensorflow": """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
scope = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope
""",
    "jax": """
import contextlib, jax, keras
assert len(jax.devices()) == 2
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=jax.devices()))
scope = contextlib.nullcontext
""",
}

BODY = """
import json
import keras, numpy as np
import keras_lr
from keras_lr.optimizers import per_layer, unfreeze

def weights(rates, callbacks=(), epochs=2):
    keras.utils.set_random_seed(0)
    with scope():
        layers = [keras.layers.Dense(5, name="a"), keras.layers.Dense(3, name="b")]
        model = keras.Sequential([keras.Input((4,)), *layers])
        optimizer = keras.optimizers.Adam(0.1, global_clipnorm=0.1)
        model.compile(per_layer(optimizer, rates, model=model) if rates else optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    before = model.get_weights()
    model.fit(x, x[:, :3], batch_size=8, epochs=epochs, verbose=0, callbacks=[*callbacks])
    return before, model.get_weights()

_, plain = weights({})
_, split = weights({"a": 1 + 1e-9})
before, thawed = weights({"a": unfreeze("1 epoch")}, [keras_lr.LearningRate()])
print(json.dumps({
    "off": max(float(np.abs(one - two).max()) for one, two in zip(plain, split)),
    "thawed": [bool((one == two).all()) for one, two in zip(before, thawed)],
    "still": [
        bool((one == two).all())
        for one, two in zip(*weights({"a": unfreeze(8)}, [keras_lr.LearningRate()], epochs=1))
    ],
}))
"""


def test_groups_on_two_devices():
    environment = {**os.environ, "KERAS_BACKEND": BACKEND}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    code = BEGIN[BACKEND] + BODY
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    seen = json.loads(run.stdout.splitlines()[-1])
    assert seen["off"] < 1e-6
    assert seen["thawed"] == [False] * 4
    assert seen["still"] == [True, True, False, False]
