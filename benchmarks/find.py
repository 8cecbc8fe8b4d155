"""Regret of `find`: how much of a run's progress is lost by training at the rate that it gives.

The truth is a grid: whole runs at sixteen rates, a constant and a linearly decaying rate, several
seeds, in the compiled engine. With L(rate) the mean training loss of a run's last twentieth,
L* the grid's lowest and L0 the loss before training,

    regret(rate) = (L(rate) - L*) / (L0 - L*),

L being interpolated over the logarithm of the rate, and L0 where a run diverged. A method that
refuses counts with the regret 1 (nothing is learned). `steep`, `valley` and `slide` are what those
suggestions of fastai's make of the same range test. The cost is the method's wall clock,
compilation included, as a share of one whole run through `fit`, compilation included.

    python -m benchmarks.find            # two problems, under two minutes on two cores
    python -m benchmarks.find --more     # and three others, with noisier losses
    python -m benchmarks.find --json     # the same for machines
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import keras_lr  # first: it chooses Keras's backend

MNIST = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist10k.npz"


@dataclass(frozen=True)
class Problem:
    """Data, a model, and how long it is trained."""

    name: str
    x: np.ndarray
    y: np.ndarray
    layers: Callable[[], list[Any]]
    steps: int
    truth_seeds: int
    seeds: int


@dataclass(frozen=True)
class Row:
    """One answer of one method in one cell."""

    cell: str
    method: str
    seed: int
    rate: float | None
    best: float
    regret: float
    cost: float


def dense_layers() -> list[Any]:
    from keras import layers

    return [layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]


def conv_layers() -> list[Any]:
    from keras import layers

    return [
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]


def problems() -> list[Problem]:
    """Digits for a dense net, and MNIST (digits where it isn't there) for a convolutional one."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    dense = Problem("digits, dense", x, y, dense_layers, 2000, 4, 6)
    if MNIST.exists():
        data = np.load(MNIST)
        name, labels = "MNIST at 14×14, conv", data["y"]
        images = data["x"].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4), dtype="float32") / 255
        images = images[..., None]
    else:
        name, images, labels = "digits, conv", x.reshape(-1, 8, 8, 1), y
    return [dense, Problem(name, images, labels, conv_layers, 1000, 2, 3)]


def noisy_layers() -> list[Any]:
    from keras import layers

    return [
        layers.Dense(64),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Dropout(0.3),
        layers.Dense(64, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def logistic_layers() -> list[Any]:
    from keras import layers

    return [layers.Dense(10, activation="softmax")]


def more_problems() -> list[Problem]:
    """Losses that don't go to 0: three labels in ten are wrong; and a small table."""
    from sklearn.datasets import load_breast_cancer, load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    generator = np.random.default_rng(0)
    wrong = generator.random(len(y)) < 0.3
    y = np.where(wrong, generator.integers(0, 10, len(y)), y)
    table, labels = load_breast_cancer(return_X_y=True)
    table = ((table - table.mean(axis=0)) / table.std(axis=0)).astype("float32")
    return [
        Problem("noisy digits, batch-norm and dropout", x, y, noisy_layers, 1500, 3, 3),
        Problem("noisy digits, logistic", x, y, logistic_layers, 1500, 3, 3),
        Problem("breast cancer, dense", table, labels, dense_layers, 1500, 3, 3),
    ]


def optimizers() -> dict[str, tuple[Callable[[], Any], tuple[float, float]]]:
    """Name to optimizer and truth grid; neighbours in a grid differ by a factor below 1.8."""
    import keras

    return {
        "momentum": (lambda: keras.optimizers.SGD(0.01, momentum=0.9), (3e-4, 2.0)),
        "adam": (lambda: keras.optimizers.Adam(), (3e-5, 0.2)),
    }


def compiled(problem: Problem, optimizer: Callable[[], Any], seed: int) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input(problem.x.shape[1:]), *problem.layers()])
    model.compile(optimizer(), "sparse_categorical_crossentropy")
    return model


@dataclass(frozen=True)
class Truth:
    """A grid of whole runs."""

    rates: np.ndarray
    losses: np.ndarray
    start: float

    @property
    def best(self) -> float:
        """The rate with the lowest loss."""
        return float(self.rates[int(np.argmin(self.losses))])

    def regret(self, rate: float | None) -> float:
        """The share of the progress that training at `rate` loses."""
        if rate is None:
            return 1.0
        loss = np.interp(np.log(rate), np.log(self.rates), self.losses)
        lowest = float(self.losses.min())
        return float((loss - lowest) / (self.start - lowest))


def truth(problem: Problem, optimizer: Callable[[], Any], rates: np.ndarray, decays: bool) -> Truth:
    """The mean over seeds of the loss that a whole run at each rate ends with."""
    from keras_lr.engines import internals
    from keras_lr.engines.compiled import lockstep_losses
    from keras_lr.finder.batches import Batches

    shape = 1 - np.arange(problem.steps) / problem.steps if decays else np.ones(problem.steps)
    ends, starts = [], []
    for seed in range(100, 100 + problem.truth_seeds):
        model = compiled(problem, optimizer, seed)
        batches = list(islice(Batches(problem.x, problem.y, seed=seed), problem.steps))
        internals.build(model, internals.epoch_iterator(batch for batch in batches[:2]))
        curves = lockstep_losses(model, batches, rates[:, None] * shape)
        start = float(curves[:, 0].mean())
        tail = curves[:, -problem.steps // 20 :].mean(axis=1)
        ends.append(np.where(np.isfinite(curves).all(axis=1), np.minimum(tail, start), start))
        starts.append(start)
    return Truth(rates, np.mean(ends, axis=0), float(np.mean(starts)))


def seconds_of_a_run(problem: Problem, optimizer: Callable[[], Any]) -> float:
    model = compiled(problem, optimizer, 0)
    per_epoch = -(-len(problem.x) // 32)
    started = time.perf_counter()
    model.fit(problem.x, problem.y, epochs=max(1, round(problem.steps / per_epoch)), verbose=0)
    return time.perf_counter() - started


def rows(chosen: list[Problem]) -> Iterator[Row]:
    """Every answer, as soon as it is there."""
    from keras_lr.errors import RateNotFound

    for problem in chosen:
        for name, (optimizer, (low, high)) in optimizers().items():
            run = seconds_of_a_run(problem, optimizer)
            for decays in (False, True):
                real = truth(problem, optimizer, np.geomspace(low, high, 16), decays)
                cell = f"{problem.name}, {name}, {'linear' if decays else 'constant'}"
                for seed in range(problem.seeds):
                    for method in ("race", "range"):
                        model = compiled(problem, optimizer, seed)
                        started = time.perf_counter()
                        try:
                            finding = keras_lr.find(
                                model,
                                problem.x,
                                problem.y,
                                method=method,
                                steps=problem.steps,
                                schedule="linear" if decays else None,
                                seed=seed,
                                verbose=0,
                            )
                        except RateNotFound as error:
                            finding = error.finding
                        cost = (time.perf_counter() - started) / run
                        answers = {method: finding.learning_rate}
                        answers.update(finding.details.get("suggestions", {}))
                        answers.pop("minimum", None)  # the range test's own, for a constant rate
                        for answer, rate in answers.items():
                            yield Row(cell, answer, seed, rate, real.best, real.regret(rate), cost)
                default = float(optimizer().learning_rate)
                yield Row(cell, "default", 0, default, real.best, real.regret(default), 0.0)


def summary(found: list[Row]) -> list[dict[str, Any]]:
    """A line for each cell and method, then one for each method over all cells."""
    lines = []
    for cell in [*dict.fromkeys(row.cell for row in found), None]:
        for method in ("race", "range", "steep", "valley", "slide", "default"):
            part = [r for r in found if r.method == method and cell in (None, r.cell)]
            regrets = [row.regret for row in part]
            octaves = [abs(np.log2(r.rate / r.best)) if r.rate else np.inf for r in part]
            lines.append(
                {
                    "cell": cell or "all",
                    "method": method,
                    "answers": len(part),
                    "median rate": float(np.median([r.rate or np.nan for r in part])),
                    "best rate": part[0].best if cell else None,
                    "regret mean": float(np.mean(regrets)),
                    "regret p90": float(np.quantile(regrets, 0.9)),
                    "within 2x": float(np.mean(np.array(octaves) <= 1.0001)),
                    "cost": float(np.mean([row.cost for row in part])),
                }
            )
    return lines


def table(lines: list[dict[str, Any]]) -> str:
    """The summary as a Markdown table."""
    out = [
        "| cell | method | answers | median rate | best of the grid | regret, mean | p90 "
        "| within 2× of the best | cost of one run |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        every = line["cell"] == "all"
        rate = "" if every else f"{line['median rate']:.2g}"
        best = "" if every else f"{line['best rate']:.2g}"
        out.append(
            f"| {line['cell']} | {line['method']} | {line['answers']} | {rate} | {best} "
            f"| {line['regret mean']:.4f} | {line['regret p90']:.4f} "
            f"| {line['within 2x']:.0%} | {line['cost']:.0%} |"
        )
    return "\n".join(out)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Run it all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--more", action="store_true", help="three more problems")
    options = parser.parse_args(arguments)
    found = []
    for row in rows(problems() + (more_problems() if options.more else [])):
        found.append(row)
        if not options.json:
            print(f"{row.cell}: {row.method} {row.seed}: {row.rate}, regret {row.regret:.4f}")
    lines = summary(found)
    print(json.dumps(lines, indent=1) if options.json else "\n" + table(lines))
    return lines


if __name__ == "__main__":
    main()
