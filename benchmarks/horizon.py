"""Does a rate that was tuned on a part of the training carry over to all of it?

    python -m benchmarks.horizon [--seeds 3]

For each cell, runs of 16 epochs and of 4 (schedules compressed) at a grid of rates. The best rate of
each (vertex of a parabola through the lowest mean loss and its neighbours, in logarithms) gives the
ratio that `keras_lr.schedules.transfer_rate` should have said. Regret is what the whole training loses
at the rate of the short one, left as it is or moved: the share of the way from the lowest mean loss to
that of the lowest rate, read off the curve of the whole runs.
"""

import argparse

import numpy as np

import keras_lr
from keras_lr.engines import Job, TrialSpec, choose_engine
from keras_lr.schedules import as_schedule, stretch, transfer_rate

EPOCHS, SHORT = 16, 4
RATES = 15
SCHEDULES = (None, "linear()", "cosine() | warmup(5%)")
RANGES = {"momentum": (3e-4, 3.0), "adam": (1e-4, 1.0)}
OBJECTIVES = ("loss", "val_loss")


def digits(wrong=0.0):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return mixed((x / 16).astype("float32"), y, 10, wrong)


def cancer():
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    return mixed(((x - x.mean(0)) / x.std(0)).astype("float32"), y, 2, 0.0)


def mixed(x, y, classes, wrong):
    """In random order, a share of the labels replaced by random ones."""
    draw = np.random.default_rng(0)
    order = draw.permutation(len(x))
    x, y = x[order], y[order]
    lost = draw.random(len(y)) < wrong
    return x, np.where(lost, draw.integers(0, classes, len(y)), y), classes


DATA = {"digits": digits, "digits, 3 labels in 10 random": lambda: digits(0.3), "cancer": cancer}


def build(width, hidden, classes, optimizer):
    import keras

    layers = [keras.layers.Dense(hidden, activation="relu")] if hidden else []
    model = keras.Sequential([keras.Input((width,)), *layers, keras.layers.Dense(classes)])
    made = keras.optimizers.SGD(momentum=0.9) if optimizer == "momentum" else "adam"
    model.compile(made, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def finals(data, optimizer, rates, schedules, epochs, seeds):
    """`[schedule][objective]`: the mean over the seeds of what each rate ends with; infinite if one
    diverged. All schedules and rates are trials of one program."""
    x, y, classes = data
    hidden = 64 if classes > 2 else 0
    specs = [
        TrialSpec({"learning_rate": float(rate)}, schedule)
        for schedule in schedules
        for rate in rates
    ]
    found = []
    for seed in range(seeds):
        job = Job(
            lambda: build(x.shape[1], hidden, classes, optimizer),
            x,
            y,
            epochs=epochs,
            validation_split=0.25,
            seed=seed,
        )
        engine, _ = choose_engine("auto", job, job.build_model())
        results = engine.run(specs, lambda *_: False, lambda *_: False)
        found.append(
            [
                [r.history[name][-1] if r.finished else np.inf for name in OBJECTIVES]
                for r in results
            ]
        )
    means = np.mean(found, axis=0).reshape(len(schedules), len(rates), len(OBJECTIVES))
    return means.transpose(0, 2, 1)


def best(rates, losses):
    """The vertex of a parabola through the lowest loss and its neighbours, in logarithms."""
    i = int(np.argmin(losses))
    if not 0 < i < len(rates) - 1 or not np.isfinite(losses[i - 1 : i + 2]).all():
        return float(rates[i])
    a, b, c = losses[i - 1 : i + 2]
    step = np.log(rates[1] / rates[0])
    return float(rates[i] * np.exp(0.5 * step * (a - c) / (a - 2 * b + c)))


def regret(rates, losses, rate):
    """The share of the whole training's progress that is lost at `rate`."""
    finite = np.isfinite(losses)
    lowest = losses[finite].min()
    if not rates[0] <= rate <= rates[finite][-1]:
        return float("nan")
    at = np.interp(np.log(rate), np.log(rates[finite]), losses[finite])
    return float((at - lowest) / (losses[0] - lowest))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    print("| data, optimizer, schedule | judged by | best of 4 epochs | of 16 | ratio | theory "
          "| regret as it is | moved |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    rows = []
    for name, load in DATA.items():
        data = load()
        batches = -(-int(len(data[0]) * 0.75) // 32)
        for optimizer, ends in RANGES.items():
            rates = np.geomspace(*ends, RATES)
            wholes = [as_schedule(text or 1.0) for text in SCHEDULES]
            shorts = [stretch(whole, SHORT / EPOCHS) for whole in wholes]
            runs = [
                finals(data, optimizer, rates, schedules, epochs, seeds)
                for schedules, epochs in ((shorts, SHORT), (wholes, EPOCHS))
            ]
            for place, text in enumerate(SCHEDULES):
                told = (text or "constant").replace("|", "then")
                short, whole = shorts[place], wholes[place]
                factor = transfer_rate(
                    short.resolve(steps=batches * SHORT), whole.resolve(steps=batches * EPOCHS)
                )
                for index, objective in enumerate(OBJECTIVES):
                    low, high = (best(rates, run[place][index]) for run in runs)
                    losses = runs[1][place][index]
                    lost = [regret(rates, losses, rate) for rate in (low, low * factor)]
                    rows.append((objective, bool(text), high / low, factor, *lost))
                    print(
                        f"| {name}, {optimizer}, {told} | {objective} | {low:.3g} | "
                        f"{high:.3g} | {high / low:.2f} | {factor:.2f} | {lost[0]:.4f} | "
                        f"{lost[1]:.4f} |",
                        flush=True,
                    )
    for objective in OBJECTIVES:
        for decays in (True, False):
            mine = [row[2:] for row in rows if row[:2] == (objective, decays)]
            ratio, factor, left, moved = np.array(mine).T
            print(
                f"{objective}, {'decaying' if decays else 'constant'}: ratio, median "
                f"{np.median(ratio):.2f} ({ratio.min():.2f} to {ratio.max():.2f}), theory "
                f"{np.median(factor):.2f}; regret as it is {np.nanmean(left):.4f} (worst "
                f"{np.nanmax(left):.4f}), moved {np.nanmean(moved):.4f} ({np.nanmax(moved):.4f}); "
                f"backend {keras_lr.backend.require()}"
            )


if __name__ == "__main__":
    main()
