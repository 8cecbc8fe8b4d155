"""A population against ordinary sweeps of the same cost: the table of docs/population.md.

Sixteen members that train together, or sixteen trials at the same sixteen rates under a schedule: the
same weights, batches and number of epochs in all. Each way picks its best by the validation loss;
what counts is that one's loss on samples that nobody has picked by (test), and what its rate and
schedule are worth again, from other weights and batches (again).

python -m benchmarks.population            # the whole table, some minutes
python -m benchmarks.population --quick    # that everything runs; its figures say nothing
"""

import argparse
from functools import partial

import numpy as np

from benchmarks.reducers.tasks import dense_digits, teacher

MEMBERS = 16
EPOCHS = 40
SAMPLES = 2000
BATCH = 32
SEEDS = 5
WAYS = {
    "constant": {},
    "cosine": {"schedule": "cosine()"},
    "WSD, the last 20 %": {"schedule": "constant() | cooldown(20%)"},
    "pbt, each epoch": {"interval": 1},
    "pbt, each 5 epochs": {"interval": 5},
    "pbt, each 5 epochs, × WSD": {"interval": 5, "schedule": "constant() | cooldown(20%)"},
}


def build(task):
    """The task's net in Keras, with momentum."""
    import keras

    layers = [keras.Input((task.sizes[0][0],))]
    for _, units in task.sizes[:-1]:
        layers.append(keras.layers.Dense(units, activation="relu"))
    model = keras.Sequential([*layers, keras.layers.Dense(task.sizes[-1][1])])
    labels = task.train[1].dtype.kind == "i"
    loss = "mse" if not labels else keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss)
    return model


def halves(pair):
    """Samples to pick by, and samples to test on."""
    return tuple(part[0::2] for part in pair), tuple(part[1::2] for part in pair)


def run(task, way, seed, epochs, members):
    """(validation, test, test again) of a way's best."""
    import keras

    import keras_lr

    x, y = (part[:SAMPLES] for part in task.train)
    pick, test = halves(task.validation)
    arguments = dict(WAYS[way])
    highest = task.highest["momentum"]
    space = {"learning_rate": keras_lr.LogUniform(highest / 1000, highest)}
    if "schedule" in arguments:
        space["schedule"] = arguments.pop("schedule")
    if arguments:
        arguments |= {"method": "pbt", "population": members}
        arguments["interval"] = min(arguments["interval"], epochs // 2)
    else:
        arguments |= {"trials": members}
    study = keras_lr.tune(
        partial(build, task),
        x,
        y,
        validation_data=pick,
        epochs=epochs,
        batch_size=BATCH,
        space=space,
        seed=seed,
        verbose=0,
        **arguments,
    )

    def tested(model):
        return model.evaluate(*test, batch_size=500, verbose=0)

    if "method" in arguments:
        again, schedule = study.replay(seed=1000 + seed), str(study.schedule)
    else:
        best = study.best.params
        keras.utils.set_random_seed(1000 + seed)
        again = build(task)
        again.optimizer.learning_rate = best["learning_rate"]
        schedule = best.get("schedule")
        callbacks = [keras_lr.LearningRate(schedule)]
        again.fit(x, y, epochs=epochs, batch_size=BATCH, verbose=0, callbacks=callbacks)
    values = study.best.value, tested(study.best_model()), tested(again)
    print(f"  {way}, seed {seed}: {values} {schedule}", flush=True)
    return values


def compare(task, seeds, epochs, members):
    """Print the rows of one task."""
    print(
        f"\n{task.name}: {members} members or trials × {epochs} epochs, {seeds} seeds", flush=True
    )
    found = {
        way: np.array([run(task, way, seed, epochs, members) for seed in range(seeds)])
        for way in WAYS
    }
    base = found["WSD, the last 20 %"]
    print("\n| | validation | test | test / WSD's (each seed) | again | again / WSD's |")
    print("|---|---|---|---|---|---|")
    for way, values in found.items():
        validation, test, again = values.mean(axis=0)
        ratio = values / base
        each = f"{ratio[:, 1].mean():.3f} ({ratio[:, 1].min():.3f}–{ratio[:, 1].max():.3f})"
        repeated = f"{ratio[:, 2].mean():.3f} ({ratio[:, 2].min():.3f}–{ratio[:, 2].max():.3f})"
        print(
            f"| {way} | {validation:.4f} | {test:.4f} | {each} | {again:.4f} | {repeated} |",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    sizes = (1, 4, 4) if arguments.quick else (SEEDS, EPOCHS, MEMBERS)
    for task in (dense_digits(), teacher()):
        compare(task, *sizes)


if __name__ == "__main__":
    main()
