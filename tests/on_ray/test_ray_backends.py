"""The workers run JAX, whatever the driver trains with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def test_a_driver_on_torch(cluster):
    pytest.importorskip("torch", reason="make test-ray has torch beside JAX")
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        [sys.executable, str(HERE / "drive.py"), cluster.address],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["backend"] == "torch"
    # Without shuffling and dropout, whose random numbers are each backend's own.
    np.testing.assert_allclose(told["there"], told["here"], rtol=1e-5)
    assert told["weights"][0] == pytest.approx(told["weights"][1], rel=1e-4)
