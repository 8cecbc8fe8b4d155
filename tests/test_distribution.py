"""Several devices in one process: cuts and rates are those of one device, and rates per layer hold.

The fits run in a process of their own, which is told of its devices before it begins.
"""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

BACKEND = keras.backend.backend()
SCRIPT = Path(__file__).with_name("distribution_runs.py")

pytestmark = pytest.mark.skipif(
    BACKEND == "torch", reason="Keras has no data parallelism inside one process on torch"
)


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, "-W", "ignore", str(SCRIPT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("what", ["distance", "alignment", "adam", "clipped", "schedule"])
@pytest.mark.deep
def test_two_devices_are_as_one(what, found):
    one, two = found["one"][what], found["two"][what]
    assert one["events"] != []
    if what == "clipped" and BACKEND == "tensorflow":
        # Keras clips each replica's part on TensorFlow, so that these are two trainings.
        assert two["events"] != []
        return
    assert [event[:2] for event in two["events"]] == [event[:2] for event in one["events"]]
    assert two["rates"] == pytest.approx(one["rates"], rel=1e-6)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    for ours, theirs in zip(two["norms"], one["norms"], strict=True):
        assert ours == pytest.approx(theirs, rel=5e-3)
    for ours, theirs in zip(two["weights"], one["weights"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-4)


@pytest.mark.skipif(
    not hasattr(keras.optimizers, "MultiOptimizer"), reason="this Keras has no MultiOptimizer"
)
@pytest.mark.deep
def test_rates_per_layer_on_two_devices(found):
    seen = found["per layer"]
    assert seen["off"] < 1e-6
    assert seen["thawed"] == [False] * 4
    assert seen["still"] == [True, True, False, False]
