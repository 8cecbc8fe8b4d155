"""What a schedule costs: in the compiled training step, evaluated, and before training.

The step: `fit` with a usual and with a deep composition against `fit` with a constant, each through
`LearningRate` on one model and the same data, in turn; and a constant against a constant, which is
the noise that the other ratios have to be seen against. Of a fit's epochs the fastest tenth counts, without the
first, which compiles: other work on the machine only ever makes an epoch slower.

    python -m benchmarks schedules
    KERAS_BACKEND=torch python -m benchmarks schedules    # or tensorflow, jax
"""

import statistics
import time
from collections.abc import Callable

import keras
import numpy as np

import keras_lr
from benchmarks.overhead import EpochTimes, dense
from keras_lr import schedules

ROUNDS = 12
MILLION = 1_000_000

DEEP = (
    "join(cosine | repeat(6%, times=3, stretch=1.5, decay=0.8) | noise(0.05, every=10), "
    "exponential(0.9, every=5%) | clip(0.05, high=0.9), "
    "one_cycle | k_decay(1.5), boundaries=[40%, 70%]) "
    "* step_decay(0.5, every=30%) | between(0.01) | warmup(5%, shape=cosine) | hold(95%) "
    "| cooldown(20%, shape=1-sqrt)"
)

USUAL = "cosine | warmup(5%)"

EVALUATED = {
    "cosine": "cosine",
    "warmup, stable, decay": "constant | warmup(5%) | cooldown(20%)",
    "restarts": "cosine | repeat(1%, stretch=1.2, decay=0.9)",
    "fourteen parts": DEEP,
}


def small() -> keras.Model:
    """64 → 64 → 10: a step that is hardly more than what every step costs."""
    return keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)]
    )


def in_the_step(name: str, model: keras.Model, *, batch: int, steps: int, epochs: int) -> str:
    """The rows of one model's compiled step."""
    random = np.random.default_rng(0)
    x = random.normal(size=(batch * steps, *model.input_shape[1:])).astype("float32")
    y = random.integers(0, 10, len(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)

    def seconds(schedule: str) -> float:
        times = EpochTimes()
        callbacks = [keras_lr.LearningRate(schedule=schedule), times]
        model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0, callbacks=callbacks)
        return float(np.quantile(times.seconds, 0.1)) / steps  # other work only makes it slower

    text = {"constant": "constant", "constant again": "constant", "usual": USUAL, "deep": DEEP}
    arms = tuple(text)
    found: dict[str, list[float]] = {arm: [] for arm in arms}
    seconds("constant")
    for index in range(ROUNDS):
        for offset in range(len(arms)):  # each arm is first, second and last equally often
            arm = arms[(index + offset) % len(arms)]
            found[arm].append(seconds(text[arm]))
    step = statistics.median(found["constant"]) * 1e6
    return (
        f"{name}, a step of {step:.0f} µs ({ROUNDS} rounds, {keras.backend.backend()}):\n"
        f"  fourteen parts / constant: {_spread(found['deep'], found['constant'])}\n"
        f"  {USUAL} / constant: {_spread(found['usual'], found['constant'])}\n"
        f"  constant / constant (the noise): {_spread(found['constant again'], found['constant'])}"
    )


def _spread(ours: list[float], theirs: list[float]) -> str:
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    quarter = len(ratios) // 4
    return (
        f"median {statistics.median(ratios):.3f} "
        f"(quartiles {ratios[quarter]:.3f}–{ratios[-1 - quarter]:.3f})"
    )


def evaluated() -> list[str]:
    """A row for each composition: a million steps, numbers and tensors."""
    compiled = _compiler()
    steps = np.arange(MILLION)
    tensor = keras.ops.convert_to_tensor(steps, "int32")
    rows = []
    for name, text in EVALUATED.items():
        plan = schedules.parse(text).resolve(steps=MILLION)
        function = compiled(plan)
        numbers = _best(lambda plan=plan: plan(steps))
        tensors = _best(lambda function=function: np.asarray(function(tensor)))
        rows.append(f"{name}: {numbers * 1e3:.0f} ms in NumPy, {tensors * 1e3:.1f} ms {_how()}")
    return rows


def alone() -> str:
    """The row of one step's value: at most what it adds to a compiled step that holds it."""
    compiled = _compiler()
    # torch's steps run in Python: on a CPU they compute it as a number.
    number = keras.backend.backend() == "torch"
    step = 123 if number else keras.ops.convert_to_tensor(123, "int32")
    least = {}
    for text in ("constant", USUAL, DEEP):
        function = compiled(schedules.parse(text).resolve(steps=MILLION))
        least[text] = _best(lambda function=function: np.asarray(function(step)), 3000)
    usual, deep = ((least[text] - least["constant"]) * 1e6 for text in (USUAL, DEEP))
    return (
        f"one step's value, {'as a number' if number else 'compiled alone'}: fourteen parts take "
        f"{deep:.0f} µs more than a constant, {USUAL} {usual:.0f} µs"
    )


def _compiler() -> Callable[[Callable], Callable]:
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return jax.jit
    if name == "tensorflow":
        import tensorflow

        return tensorflow.function
    return lambda function: function  # torch runs eagerly in Keras's fit too


def _how() -> str:
    return "in eager tensors" if keras.backend.backend() == "torch" else "compiled"


def _best(call: Callable[[], object], times: int = 5) -> float:
    call()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return min(taken)


def prepared() -> list[str]:
    """A row for each composition: reading its text, and laying it out."""
    rows = []
    for name, text in EVALUATED.items():
        schedule = schedules.parse(text)
        reading = _best(lambda text=text: schedules.parse(text), 50)
        laying = _best(lambda schedule=schedule: schedule.resolve(steps=MILLION), 50)
        rows.append(f"{name}: parse {reading * 1e6:.0f} µs, resolve {laying * 1e6:.0f} µs")
    return rows


def main() -> None:
    """Print every row."""
    for row in [*prepared(), *evaluated(), alone()]:
        print(row, flush=True)
    print(in_the_step("small net", small(), batch=32, steps=100, epochs=41), flush=True)
    print(in_the_step("dense net", dense(), batch=128, steps=20, epochs=21), flush=True)


if __name__ == "__main__":
    main()
