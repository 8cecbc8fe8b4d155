"""`keras-lr tune --engine ray`: the command finds the cluster, uses it, and leaves it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras_lr

NET = """
import keras, numpy

def net():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(), loss="sparse_categorical_crossentropy")
    return model

def data():
    return numpy.random.default_rng(0).normal(size=(48, 4)).astype("float32"), numpy.arange(48) % 3
"""


def test_the_command_tunes_on_the_cluster_that_it_is_told(cluster, tmp_path):
    (tmp_path / "ray_nets.py").write_text(NET)
    sources = str(Path(keras_lr.__file__).parent.parent)
    command = [sys.executable, "-m", "keras_lr", "tune", "ray_nets:net", "ray_nets:data"]
    command += ["--epochs", "2", "--trials", "4", "--engine", "ray", "--address", cluster.address]
    ended = subprocess.run(
        [*command, "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["engine"] == "ray"
    assert {trial["state"] for trial in found["trials"]} <= {"complete", "diverged"}
    assert len(found["trials"]) == 4
    assert "os.fork" not in ended.stderr
