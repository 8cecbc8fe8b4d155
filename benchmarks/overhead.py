"""What `LearningRate` and its monitor cost a training step, against plain `fit`, on the backend that is chosen.

    KERAS_BACKEND=jax python -m benchmarks.overhead [pairs] [monitor]

(`monitor`: the monitor's rows alone.)

Each way of fitting runs in turn on the same data, several times, so that the machine's drift hits
all alike; ratios are taken round by round. Each is warmed up first: what is compared is the step,
not its compilation. Models: a dense one of about 3 ms a step, where fixed costs show, and a
convolutional one of more than 10 ms, by which the goals are set.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import keras
import numpy as np

import keras_lr
from keras_lr import rules, schedules
from keras_lr.callbacks import LearningRateMonitor

EPOCHS, PAIRS, BATCH = 3, 15, 128
Fit = Callable[[], float]
Ways = dict[str, Callable[[], list[keras.callbacks.Callback]]]


def dense() -> keras.Model:
    """784 → 512 → 512 → 10; about 3 ms a step of 128 samples on two cores."""
    layers = [
        keras.Input((784,)),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dense(10),
    ]
    return keras.Sequential(layers)


def convolutional() -> keras.Model:
    """Two convolutions and two dense layers on 16 × 16 images; more than 10 ms a step."""
    layers = [
        keras.Input((16, 16, 3)),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10),
    ]
    return keras.Sequential(layers)


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


def _monitored(every: int) -> list[keras.callbacks.Callback]:
    """All norms by layer, in a run record: at epochs' ends, and every so many updates."""
    record = tempfile.mkstemp(suffix=".jsonl")[1]
    return [LearningRateMonitor(every=every, groups="layer", record=record)]


def _without_ratio(every: int) -> list[keras.callbacks.Callback]:
    norms = ("gradient_norm", "weight_norm")
    record = tempfile.mkstemp(suffix=".jsonl")[1]
    return [LearningRateMonitor(every=every, statistics=norms, groups="layer", record=record)]


def _ways() -> Ways:
    """What to fit with, by name; the first is what the others are compared with."""

    def oscillation(test: str) -> list[keras.callbacks.Callback]:
        # Thresholds at which nothing is ever cut, so that all train at the same rate; the looks
        # are those of the defaults.
        never = {"slope": 1e-9} if test == "distance" else {"width": 1e9}
        settled = [rules.Plateau("loss"), rules.Oscillation(test, **never)]  # type: ignore[arg-type]
        return [keras_lr.LearningRate(schedules.Constant().warmup("5%"), rules=settled)]

    def stock() -> list[keras.callbacks.Callback]:
        return [
            keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
            keras.callbacks.ReduceLROnPlateau("loss"),
        ]

    def scheduled() -> list[keras.callbacks.Callback]:
        schedule = schedules.Cosine().warmup("5%")
        return [keras_lr.LearningRate(schedule, rules=[rules.Plateau("loss")])]

    return {
        "plain fit": list,
        "Keras's scheduler and plateau": stock,
        "schedule and Plateau": scheduled,
        "and Oscillation, by distance": lambda: oscillation("distance"),
        "and Oscillation, by alignment": lambda: oscillation("alignment"),
    }


def _monitors() -> Ways:
    return {
        "plain fit": list,
        "monitor with a record, every=100": lambda: _monitored(100),
        "the same without update_ratio": lambda: _without_ratio(100),
        "monitor with a record, every=10": lambda: _monitored(10),
    }


def _fit(model: keras.Model, x: np.ndarray, y: np.ndarray, callbacks: list) -> float:
    times = EpochTimes()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[*callbacks, times])
    return min(times.seconds) / (len(x) // BATCH)


def rows(make: Callable[[], keras.Model], steps: int, pairs: int, ways: Ways) -> list[str]:
    """A line for each way: the ratio of its step to plain fit's, in epochs of so many steps."""
    random = np.random.default_rng(0)
    models = {}
    for name in ways:
        model = make()
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        models[name] = model
    shape = next(iter(models.values())).input_shape[1:]
    x = random.normal(size=(BATCH * steps, *shape)).astype("float32")
    y = random.integers(0, 10, len(x))
    for name, callbacks in ways.items():
        _fit(models[name], x, y, callbacks())
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(pairs):
        for name in list(ways)[:: 1 if turn % 2 else -1]:
            seconds[name].append(_fit(models[name], x, y, ways[name]()))
    plain, *others = ways
    step = statistics.median(seconds[plain]) * 1e3
    lines = [f"{make.__name__}: plain step {step:.2f} ms ({pairs} rounds)"]
    for name in others:
        pairs_of = zip(seconds[name], seconds[plain], strict=True)
        ratios = sorted(ours / theirs for ours, theirs in pairs_of)
        low, high = ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]
        lines.append(f"  {name}: {statistics.median(ratios):.3f} ({low:.3f}–{high:.3f})")
    return lines


def main() -> None:
    """Print the table."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else PAIRS
    print(
        f"Step of fit / step of plain fit, median and quartiles, on {keras.backend.backend()}; "
        "goals from 10 ms a step on: at most 1.02, at most 1.05 with Oscillation"
    )
    if "monitor" not in sys.argv[1:]:
        for make, steps in ((dense, 60), (convolutional, 20)):
            print("\n".join(rows(make, steps, pairs, _ways())), flush=True)
    for make, steps in ((dense, 200), (convolutional, 100)):
        print("\n".join(rows(make, steps, pairs, _monitors())), flush=True)


if __name__ == "__main__":
    main()
