"""What `Live` costs a training step: `python -m benchmarks.live`.

The time that the thread which trains spends on a step of a tiny model, without `Live`, with it in a
terminal that isn't one, and with a report: the least of some runs, in turns.
"""

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras_lr  # isort: skip
import keras
import numpy as np

STEPS = 4000
RUNS = 4


class _Batches(keras.utils.PyDataset):
    """The same batch again and again."""

    def __init__(self) -> None:
        super().__init__()
        random = np.random.default_rng(0)
        self._batch = random.random((32, 32), "float32"), random.random((32, 1), "float32")

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, index: int):
        return self._batch


class _Timer(keras.callbacks.Callback):
    """CPU time of the training thread in the last epoch."""

    seconds = began = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.thread_time()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds = time.thread_time() - self.began


def microseconds(*callbacks: keras.callbacks.Callback) -> float:
    """Of one step."""
    model = keras.Sequential(
        [keras.Input((32,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)]
    )
    model.compile(keras.optimizers.Adam(1e-3), "mse")
    timer = _Timer()
    # The first epoch compiles.
    model.fit(_Batches(), epochs=2, verbose=0, callbacks=[timer, *callbacks])
    return timer.seconds / STEPS * 1e6


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "run.html"
        kinds = {
            "without": lambda: [],
            "Live": lambda: [keras_lr.Live()],
            "Live, a report": lambda: [keras_lr.Live(report=page, seconds=1)],
        }
        found = {name: [] for name in kinds}
        for _ in range(RUNS):
            for name, make in kinds.items():
                found[name].append(microseconds(*make()))
    for name, values in found.items():
        print(
            f"{name:15} {min(values):6.0f} µs a step (of {', '.join(f'{v:.0f}' for v in values)})"
        )


if __name__ == "__main__":
    main()
