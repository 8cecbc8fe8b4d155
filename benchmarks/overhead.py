"""What `LearningRate(schedule, Plateau)` costs a training step, against plain `fit`.

Both fits run in turn on one model and the same data, several times, so that the machine's drift
hits both alike; the ratio is taken pair by pair. Each fit is warmed up first: what is compared is
the step, not its compilation.
"""

import statistics
import time

import keras
import numpy as np

import keras_lr
from keras_lr import rules, schedules

EPOCHS, PAIRS = 3, 15


def dense() -> keras.Model:
    """784 → 512 → 512 → 10 with Adam; about 3 ms a step of 128 samples on two cores."""
    return keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(512, activation="relu"),
            keras.layers.Dense(10),
        ]
    )


class EpochTimes(keras.callbacks.Callback):
    """Seconds of each epoch but the first, which compiles."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:  # noqa: D102
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: D102
        if epoch > 0:
            self.seconds.append(time.perf_counter() - self.began)


def main() -> None:
    """Print the row."""
    random = np.random.default_rng(0)
    x = random.normal(size=(128 * 60, 784)).astype("float32")
    y = random.integers(0, 10, len(x))
    model = dense()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps = len(x) // 128

    def seconds(callbacks: list[keras.callbacks.Callback]) -> float:
        times = EpochTimes()
        model.fit(x, y, batch_size=128, epochs=EPOCHS, verbose=0, callbacks=[*callbacks, times])
        return min(times.seconds) / steps

    def controlled() -> float:
        schedule = schedules.Cosine().warmup("5%")
        return seconds([keras_lr.LearningRate(schedule, rules=[rules.Plateau("loss")])])

    seconds([]), controlled()
    pairs = []
    for index in range(PAIRS):
        order = (lambda: seconds([]), controlled)
        first, second = (order[0](), order[1]()) if index % 2 else (order[1](), order[0]())
        pairs.append((first, second) if index % 2 else (second, first))
    ratios = sorted(ours / plain for plain, ours in pairs)
    step = statistics.median(plain for plain, _ in pairs) * 1e3
    print(
        f"step of fit with LearningRate(schedule, Plateau) / plain fit: "
        f"median {statistics.median(ratios):.3f} (quartiles {ratios[len(ratios) // 4]:.3f}–"
        f"{ratios[-1 - len(ratios) // 4]:.3f}; goal ≤ 1.02; plain step {step:.2f} ms, "
        f"{PAIRS} pairs, {keras.backend.backend()})"
    )


if __name__ == "__main__":
    main()
